/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into fio: one allocation of the fio engine's own code fails, and a line on standard
 * error says so. NGPOLL_FAIL_ALLOCATION is its number, counted from 1. No other allocation fails.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* glibc's own functions, under their other names. */
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

static atomic_long allocations;

static bool fails(const void* caller)
{
    static const char said[] = "no_memory: here\n";
    const char* wanted = getenv("NGPOLL_FAIL_ALLOCATION");
    Dl_info from;

    if (!wanted || !dladdr(caller, &from) || !from.dli_fname
        || !strstr(from.dli_fname, "libngpoll_fio.so"))
        return false;
    /* relaxed: a count, which orders nothing else. */
    if (atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed) + 1 != atol(wanted))
        return false;
    if (write(STDERR_FILENO, said, sizeof(said) - 1) < 0)
        return false; /* else the test would stop at this allocation */
    errno = ENOMEM;
    return true;
}

void* malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void* calloc(size_t count, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void* aligned_alloc(size_t alignment, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}

char* strdup(const char* text)
{
    const size_t size = strlen(text) + 1;
    char* copy = fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);

    return copy ? memcpy(copy, text, size) : NULL;
}

/*
 * pthread_atfork() ends in this function of glibc's, which allocates. The engine may arrive here by
 * a jump, which leaves no return address: the handler says from where the call is.
 */
int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void* dso)
{
    int (*real)(void (*)(void), void (*)(void), void (*)(void), void*)
        = (__typeof__(real))dlsym(RTLD_NEXT, "__register_atfork");

    return fails((const void*)prepare) ? ENOMEM : real(prepare, parent, child, dso);
}
