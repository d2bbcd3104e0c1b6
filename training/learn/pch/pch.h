// Precompiled: LibTorch's headers cost some ten seconds a file.
#ifdef __cplusplus
#include <torch/nn.h>
#include <torch/types.h>
#endif
