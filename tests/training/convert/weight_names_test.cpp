// SPDX-License-Identifier: LGPL-2.1-or-later
#include "convert/weight_names.h"

#include <gtest/gtest.h>

namespace training {
namespace {

using Cases = std::vector<std::pair<std::string, std::string>>;

void expect_names(NameStyle style, const Cases& cases) {
  for (const auto& [foreign, native] : cases) EXPECT_EQ(native_name(foreign, style), native) << foreign;
}

TEST(WeightNames, Torchvisions) {
  expect_names(NameStyle::Torch, {{"conv1.weight", "stem_conv.weight"},
                                  {"bn1.running_var", "stem_bn.running_var"},
                                  {"layer1.0.bn1.weight", "stage1.0.bn1.weight"},
                                  {"layer4.1.conv2.weight", "stage4.1.conv2.weight"},
                                  {"layer2.0.downsample.0.weight", "stage2.0.shortcut.weight"},
                                  {"module.backbone.layer3.0.bn2.bias", "stage3.0.bn2.bias"},
                                  {"fc.bias", "dense.bias"},
                                  {"bn.running_mean", "final_bn.running_mean"},
                                  {"bn0.running_mean", "input_bn.running_mean"}});
}

TEST(WeightNames, TimmsAndOurs) {
  expect_names(NameStyle::Torch, {{"stem.conv.weight", "stem_conv.weight"},
                                  {"stages.0.blocks.0.norm1.weight", "stage1.0.bn1.weight"},
                                  {"stages.3.blocks.1.conv2.weight", "stage4.1.conv2.weight"},
                                  {"stages.1.blocks.0.downsample.conv.weight", "stage2.0.shortcut.weight"},
                                  {"norm.bias", "final_bn.bias"},
                                  {"head.fc.weight", "dense.weight"},
                                  {"stage2.0.shortcut.weight", "stage2.0.shortcut.weight"},
                                  {"input_bn.running_var", "input_bn.running_var"}});
}

TEST(WeightNames, GluonsStructuralOnes) {
  expect_names(NameStyle::Gluon, {{"features.0.running_mean", "input_bn.running_mean"},
                                  {"features.1.weight", "stem_conv.weight"},
                                  {"features.2.gamma", "stem_bn.weight"},
                                  {"features.2.beta", "stem_bn.bias"},
                                  {"features.5.0.bn1.gamma", "stage1.0.bn1.weight"},
                                  {"features.8.1.conv2.weight", "stage4.1.conv2.weight"},
                                  {"features.6.0.downsample.weight", "stage2.0.shortcut.weight"},
                                  {"features.9.running_var", "final_bn.running_var"},
                                  {"output.weight", "dense.weight"},
                                  {"classifier.0.gamma", "final_bn.weight"},
                                  {"classifier.4.bias", "dense.bias"}});
}

TEST(WeightNames, GluonsPrefixedOnes) {
  expect_names(NameStyle::Gluon,
               {{"resnetv20_batchnorm0_running_var", "input_bn.running_var"},
                {"resnetv20_conv0_weight", "stem_conv.weight"},
                {"resnetv20_batchnorm1_gamma", "stem_bn.weight"},
                {"resnetv20_batchnorm2_beta", "final_bn.bias"},
                {"resnetv20_stage1_batchnorm0_gamma", "stage1.0.bn1.weight"},
                {"resnetv20_stage1_batchnorm3_gamma", "stage1.1.bn2.weight"},
                {"resnetv20_stage1_conv2_weight", "stage1.1.conv1.weight"},
                {"resnetv20_stage2_conv2_weight", "stage2.0.shortcut.weight"},
                {"resnetv217_stage4_conv4_weight", "stage4.1.conv2.weight"},
                {"aux:resnetv20_stage3_batchnorm1_running_mean", "stage3.0.bn2.running_mean"},
                {"my_net_stage2_conv3_weight", "stage2.1.conv1.weight"},
                {"stage2_batchnorm0_beta", "stage2.0.bn1.bias"},
                {"conv0_weight", "stem_conv.weight"},
                {"resnetv20_dense0_bias", "dense.bias"}});
}

TEST(WeightNames, OthersHaveNone) {
  for (const char* name : {"",
                           ".",
                           "weight",
                           ".weight",
                           "_weight",
                           "conv2.weight",
                           "layer5.0.bn1.weight",
                           "layer0.0.bn1.weight",
                           "layer1.2.bn1.weight",
                           "layer1.0.bn3.weight",
                           "layer1.0.",
                           "layer1.0.bn1",
                           "stages.4.blocks.0.norm1.weight",
                           "stages.0.blocks",
                           "layer1",
                           "layer",
                           "features.4.0.bn1.gamma",
                           "features.5.2.bn1.gamma",
                           "resnetv20_stage1_conv4_weight",
                           "resnetv20_stage5_conv0_weight",
                           "resnetv20_stage2_batchnorm4_gamma",
                           "bn1.num_batches_tracked",
                           "module.",
                           "arg:",
                           ".bn1.weight"}) {
    EXPECT_EQ(native_name(name, NameStyle::Torch), "") << name;
    EXPECT_EQ(native_name(name, NameStyle::Gluon), "") << name;
  }
}

TEST(WeightNames, KnowsAV1ByItsShapes) {
  EXPECT_FALSE(
      is_post_activation({{"layer2.0.bn1.weight", {64}}, {"layer3.0.bn1.weight", {128}}}, NameStyle::Torch));
  EXPECT_TRUE(is_post_activation({{"layer2.0.bn1.weight", {128}}}, NameStyle::Torch));
  EXPECT_TRUE(is_post_activation({{"layer4.0.downsample.1.weight", {512}}}, NameStyle::Torch));
  EXPECT_FALSE(is_post_activation({{"resnetv20_stage3_batchnorm0_gamma", {128}}}, NameStyle::Gluon));
  EXPECT_TRUE(is_post_activation({{"resnetv10_stage3_batchnorm0_gamma", {256}}}, NameStyle::Gluon));
}

TEST(WeightNames, OfAV1OnlyWhatDoesTheSame) {
  const auto of_v1 = [](const char* name, bool norms) {
    return native_name_of_v1(name, NameStyle::Torch, norms);
  };
  for (const bool norms : {false, true}) {
    EXPECT_EQ(of_v1("conv1.weight", norms), "stem_conv.weight");
    EXPECT_EQ(of_v1("bn1.weight", norms), "stem_bn.weight");
    EXPECT_EQ(of_v1("layer2.0.downsample.0.weight", norms), "stage2.0.shortcut.weight");
    EXPECT_EQ(of_v1("layer2.0.downsample.1.weight", norms), "");
    EXPECT_EQ(of_v1("layer1.0.bn2.weight", norms), "");
    EXPECT_EQ(of_v1("fc.weight", norms), "");
  }
  EXPECT_EQ(of_v1("layer3.0.bn1.running_mean", false), "");
  EXPECT_EQ(of_v1("layer3.0.bn1.running_mean", true), "stage3.0.bn2.running_mean");
  EXPECT_EQ(native_name_of_v1("resnetv10_batchnorm0_gamma", NameStyle::Gluon, true), "");
  EXPECT_EQ(native_name_of_v1("resnetv10_conv0_weight", NameStyle::Gluon, false), "stem_conv.weight");
}

}  // namespace
}  // namespace training
