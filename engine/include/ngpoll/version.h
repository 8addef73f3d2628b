/* SPDX-License-Identifier: MIT */
#ifndef NGPOLL_VERSION_H
#define NGPOLL_VERSION_H

/** @file
 * The version of ngpoll. The macros say which headers a program was compiled with, and
 * ngpoll_version() says which library it runs with. The numbers are those of CMakeLists.txt:
 * CMake refuses to configure where they differ.
 *
 * In versions 0.x a new minor number may change any interface, and a new patch number changes none.
 */
/** The major number of these headers. */
#define NGPOLL_VERSION_MAJOR 0
/** The minor number of these headers. */
#define NGPOLL_VERSION_MINOR 2
/** The patch number of these headers. */
#define NGPOLL_VERSION_PATCH 0
/** The three numbers as text. */
#define NGPOLL_VERSION "0.2.0"

#ifdef __cplusplus
extern "C" {
#endif

/** The version of the library that the program runs with, as NGPOLL_VERSION writes it. The text is
 * good until the program ends. Any thread. */
const char* ngpoll_version(void);

#ifdef __cplusplus
}
#endif

#endif /* NGPOLL_VERSION_H */
