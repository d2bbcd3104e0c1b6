// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "embed/nn/resnet18_v2.h"
#include "made_up.h"

namespace made_up {

/// A network with made-up weights and running statistics, in evaluation mode.
embed::nn::ResNet18V2 network(int channels, embed::Head head);

}  // namespace made_up
