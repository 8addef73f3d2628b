// SPDX-License-Identifier: MIT
// A QEMU plugin that counts every guest instruction executed in user and in kernel mode, between
// marks. A guest program makes a mark by executing "xchg %cx,%cx" twice (bytes 66 87 c9 66 87 c9).
// Each mark prints the counts since the last mark as "count USER KERNEL". The guest must have one
// processor (-c 1), because there is one pair of counters.
//
// Works with plugin interface 1 (QEMU 7.2, Debian 12) and 4 (QEMU 10.0, Debian 13): `boot` compiles
// it with -DQEMU_MAJOR. Declared here because Debian does not package qemu-plugin.h.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { no_registers = 0, inline_add = 0 };
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb*));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb*);
struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb*, size_t);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn*);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn*);
void qemu_plugin_register_vcpu_insn_exec_cb(
    struct qemu_plugin_insn*, void (*)(unsigned, void*), int, void*);

struct counts {
    uint64_t user, kernel;
};
static struct counts before;

#if QEMU_MAJOR < 9
EXPORT int qemu_plugin_version = 1;
const void* qemu_plugin_insn_data(const struct qemu_plugin_insn*);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn*, int, void*, uint64_t);

static struct counts now;
static void prepare(void) { }
static struct counts read_counts(void) { return now; }

static void count_insn(struct qemu_plugin_insn* insn, bool in_kernel)
{
    uint64_t* counter = in_kernel ? &now.kernel : &now.user;
    qemu_plugin_register_vcpu_insn_exec_inline(insn, inline_add, counter, 1);
}

static void insn_bytes(const struct qemu_plugin_insn* insn, void* to, size_t size)
{
    memcpy(to, qemu_plugin_insn_data(insn), size);
}
#else
EXPORT int qemu_plugin_version = 4;
struct qemu_plugin_scoreboard;
typedef struct {
    struct qemu_plugin_scoreboard* score;
    size_t offset;
} scoreboard_entry;
struct qemu_plugin_scoreboard* qemu_plugin_scoreboard_new(size_t);
uint64_t qemu_plugin_u64_get(scoreboard_entry, unsigned cpu);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn*, void*, size_t);
void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
    struct qemu_plugin_insn*, int, scoreboard_entry, uint64_t);

static scoreboard_entry user, kernel;

static void prepare(void)
{
    user.score = kernel.score = qemu_plugin_scoreboard_new(sizeof(struct counts));
    kernel.offset = offsetof(struct counts, kernel);
}

static struct counts read_counts(void)
{
    return (struct counts){qemu_plugin_u64_get(user, 0), qemu_plugin_u64_get(kernel, 0)};
}

static void count_insn(struct qemu_plugin_insn* insn, bool in_kernel)
{
    qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
        insn, inline_add, in_kernel ? kernel : user, 1);
}

static void insn_bytes(const struct qemu_plugin_insn* insn, void* to, size_t size)
{
    qemu_plugin_insn_data(insn, to, size);
}
#endif

static void on_mark(unsigned cpu, void* unused)
{
    (void)cpu, (void)unused;
    struct counts at = read_counts();
    printf("count %llu %llu\n", (unsigned long long)(at.user - before.user),
        (unsigned long long)(at.kernel - before.kernel));
    fflush(stdout);
    before = at;
}

static bool half_mark(const struct qemu_plugin_insn* insn)
{
    char bytes[3];
    if (qemu_plugin_insn_size(insn) != sizeof bytes)
        return false;
    insn_bytes(insn, bytes, sizeof bytes);
    return memcmp(bytes, "\x66\x87\xc9", sizeof bytes) == 0;
}

static void on_translate(plugin_id id, struct qemu_plugin_tb* block)
{
    (void)id;
    size_t n = qemu_plugin_tb_n_insns(block);
    for (size_t i = 0; i < n; i++) {
        struct qemu_plugin_insn* insn = qemu_plugin_tb_get_insn(block, i);
        // The upper half of the address space is the kernel's.
        count_insn(insn, (int64_t)qemu_plugin_insn_vaddr(insn) < 0);
        if (i + 1 < n && half_mark(insn) && half_mark(qemu_plugin_tb_get_insn(block, i + 1)))
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, no_registers, NULL);
    }
}

EXPORT int qemu_plugin_install(plugin_id id, const void* info, int argc, char** argv)
{
    (void)info, (void)argc, (void)argv;
    prepare();
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    return 0;
}
