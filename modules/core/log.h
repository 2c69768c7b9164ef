/* SPDX-License-Identifier: GPL-2.0 */
/* Every message of the module begins alike; included before everything else. */
#ifndef DUNE_CORE_LOG_H
#define DUNE_CORE_LOG_H
#define pr_fmt(fmt) "dune: " fmt
#endif
