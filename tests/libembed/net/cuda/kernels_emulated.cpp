// SPDX-License-Identifier: LGPL-2.1-or-later
// The kernels' own source, compiled for the CPU: this program's launch functions come before libembed's.
#include "net/cuda/crop_kernel.cu"
#include "net/cuda/net_kernels.cu"
#include "net/cuda/tail_kernel.cu"
