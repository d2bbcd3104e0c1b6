// SPDX-License-Identifier: LGPL-2.1-or-later
// The network's headers are not for a target that depends on embed_dep alone.
#ifdef COMPILES
#include "embed/embedder.h"
#else
#include "embed/nn/resnet18_v2.h"
#endif
