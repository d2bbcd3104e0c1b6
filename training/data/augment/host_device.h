// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

/// Before a function that CUDA's compiler is to make for the GPU too.
#ifdef __CUDACC__
#define TRAINING_HOST_DEVICE __host__ __device__
#else
#define TRAINING_HOST_DEVICE
#endif
