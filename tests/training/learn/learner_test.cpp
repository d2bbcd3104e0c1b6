// SPDX-License-Identifier: LGPL-2.1-or-later
#include "learn/learner.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "embed/error.h"
#include "embed/nn/weights.h"
#include "fixtures.h"
#include "learn/trainer.h"

namespace training {
namespace {

constexpr int kSide = 16;

embed::InputSpec small_input() {
  embed::InputSpec input;
  input.width = input.height = kSide;
  input.channels = 1;
  return input;
}

/// Two kinds of picture: stripes that lie and stripes that stand, each with a shift of its own.
Batch stripes(std::size_t count) {
  Batch batch;
  for (std::size_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::int64_t>(i % 2);
    for (int y = 0; y < kSide; ++y) {
      for (int x = 0; x < kSide; ++x) {
        const std::size_t along = (static_cast<std::size_t>(label == 0 ? x : y) + i / 2) / 2;
        batch.pictures.push_back(along % 2 == 0 ? 220 : 30);
      }
    }
    batch.labels.push_back(label);
  }
  return batch;
}

torch::Tensor embeddings(embed::nn::ResNet18V2& network, const Batch& batch) {
  const torch::NoGradGuard no_grad;
  const auto count = static_cast<std::int64_t>(batch.labels.size());
  const torch::Tensor pictures = torch::from_blob(const_cast<std::uint8_t*>(batch.pictures.data()),
                                                  {count, kSide, kSide, 1}, torch::kUInt8);
  return network->forward(embed::nn::normalise(pictures, small_input()));
}

TrainOptions small_options() {
  TrainOptions options;
  options.threads = 1;
  options.device = "cpu";
  options.neck = false;
  return options;
}

StepSettings at_rate(double rate, double cosface_margin = 0, double margin = 0.3) {
  StepSettings settings;
  settings.learning_rate = rate;
  settings.cosface_margin = cosface_margin;
  settings.margin = margin;
  return settings;
}

/// Whether the loss on a batch that is shown again and again is below half of the first at the last of so
/// many steps. Three such losses on end are enough to know.
bool halves_its_loss(Learner& learner, const Batch& batch, const StepSettings& settings, int steps) {
  double half = 0;
  int below = 0;
  for (int step = 0; step < steps && below < 3; ++step) {
    const auto loss = learner.step(batch, settings).loss.item<double>();
    if (step == 0) half = loss / 2;
    below = loss < half ? below + 1 : 0;
  }
  return below > 0;
}

TEST(Learner, TheLossFallsOnWhatIsShownAgainAndAgain) {
  for (const Loss loss : {Loss::CosFace, Loss::Softmax, Loss::Triplet, Loss::Contrastive}) {
    for (const bool neck : {false, true}) {
      SCOPED_TRACE(std::string(to_string(loss)) + (neck ? " with neck" : ""));
      TrainOptions options = small_options();
      options.loss = loss;
      options.neck = neck;
      Learner learner(options, small_input(), 2);
      const int steps = loss == Loss::Softmax ? 20 : 10;  // Its gradients are the smallest.
      EXPECT_TRUE(halves_its_loss(learner, stripes(8), at_rate(0.005, 0, 0.5), steps));
      EXPECT_TRUE(learner.finite());
    }
  }
}

TEST(Learner, TheSameSeedGivesTheSameBits) {
  const Batch batch = stripes(8);
  const auto trained = [&](std::uint64_t seed) {
    TrainOptions options = small_options();
    options.seed = seed;
    Learner learner(options, small_input(), 2);
    for (int step = 0; step < 3; ++step) learner.step(batch, at_rate(0.05, 0.1));
    return embeddings(learner.kept(), batch);
  };
  const torch::Tensor once = trained(5);
  EXPECT_TRUE(torch::equal(once, trained(5)));
  EXPECT_FALSE(torch::equal(once, trained(6)));
}

TEST(Learner, ABlendKeepsAShareOfWhatWasThereAtTheStart) {
  TrainOptions options = small_options();
  const std::string start = fixtures::temp_dir() + "/start.safetensors";
  Learner first(options, small_input(), 2);
  embed::ModelInfo info;
  info.input = small_input();
  embed::nn::save_weights(start, first.kept(), info);
  options.init = start;
  options.loss = Loss::Triplet;  // No class weights, which other networks' random numbers would go ahead of.
  const auto values_of = [](embed::nn::ResNet18V2& network) {
    std::map<std::string, torch::Tensor> values;
    for (const auto& item : network->named_parameters()) values[item.key()] = item.value().detach().clone();
    for (const auto& item : network->named_buffers()) values[item.key()] = item.value().detach().clone();
    return values;
  };
  Learner whole(options, small_input(), 2);
  options.blend = 0.25;
  Learner blended(options, small_input(), 2);
  const auto before = values_of(blended.kept());
  const Batch batch = stripes(8);
  for (int step = 0; step < 2; ++step) {
    whole.step(batch, at_rate(0.05));
    blended.step(batch, at_rate(0.05));
  }
  const auto learned = values_of(whole.kept()), kept = values_of(blended.kept());
  for (const auto& [name, value] : kept) {
    if (!value.is_floating_point()) continue;
    EXPECT_TRUE(torch::allclose(value, 0.75 * before.at(name) + 0.25 * learned.at(name), 1e-4, 1e-6)) << name;
  }
  EXPECT_FALSE(torch::equal(kept.at("stem_conv.weight"), before.at("stem_conv.weight")));
}

TEST(Learner, TheFoldedNeckIsTheNeckInEvaluationMode) {
  TrainOptions options = small_options();
  options.neck = true;
  options.head = embed::Head::Linear;
  Learner learner(options, small_input(), 2);
  const Batch batch = stripes(16);
  for (int step = 0; step < 5; ++step) learner.step(batch, at_rate(0.005, 0));

  TrainOptions bare = options;
  bare.neck = false;
  Learner without(bare, small_input(), 2);
  const StateTensors from = learner.state();
  {
    const torch::NoGradGuard no_grad;
    for (auto& [name, tensor] : without.state()) {
      if (name.rfind("network.", 0) == 0) torch::Tensor(tensor).copy_(from.at(name));
    }
  }
  const torch::Tensor raw = embeddings(without.kept(), batch);
  const torch::Tensor expected =
      (raw - from.at("neck.running_mean")) / (from.at("neck.running_var") + 1e-5).sqrt();
  // Bounds on the whole tensor: subtracting the mean leaves single values with hardly a digit in common.
  const auto size = expected.norm().item<double>();
  EXPECT_LT((embeddings(learner.kept(), batch) - expected).norm().item<double>(), 1e-3 * size);
  EXPECT_GT((raw - expected).norm().item<double>(), 1e-2 * size) << "the neck did something";
}

TEST(Learner, TheAverageFollowsTheWeightsSlowly) {
  TrainOptions options = small_options();
  options.ema = 0.9;
  Learner learner(options, small_input(), 2);
  learner.step(stripes(8), at_rate(0.05, 0));
  learner.step(stripes(8), at_rate(0.05, 0));
  const StateTensors state = learner.state();
  const torch::Tensor now = state.at("network.dense.weight"), average = state.at("average.dense.weight");
  EXPECT_FALSE(torch::equal(now, average));
  const torch::Tensor kept = learner.kept()->dense->weight;
  EXPECT_TRUE(torch::equal(kept, average)) << "the average is what is kept";
}

TEST(Learner, AccumulatedHalvesMakeTheUpdateOfTheWhole) {
  // Batch norm sees each half by itself; the halves are equal here, and so are their statistics.
  const Batch half = stripes(8);
  Batch whole = half;
  whole.pictures.insert(whole.pictures.end(), half.pictures.begin(), half.pictures.end());
  whole.labels.insert(whole.labels.end(), half.labels.begin(), half.labels.end());
  const auto trained = [&](bool split) {
    TrainOptions options = small_options();
    options.accumulate = split ? 2 : 1;
    Learner learner(options, small_input(), 2);
    if (split) {
      EXPECT_FALSE(learner.step(half, at_rate(0.01)).gradient_norm.defined());
      EXPECT_FALSE(learner.settled());
    }
    EXPECT_TRUE(learner.step(split ? half : whole, at_rate(0.01)).gradient_norm.defined());
    EXPECT_TRUE(learner.settled());
    return learner.state().at("network.dense.weight").clone();
  };
  const torch::Tensor once = trained(false), twice = trained(true);
  EXPECT_LT((once - twice).norm().item<double>(), 1e-3 * once.norm().item<double>());
}

TEST(Learner, AnEpochsEndUpdatesWithWhatThereIs) {
  TrainOptions options = small_options();
  options.accumulate = 3;
  Learner learner(options, small_input(), 2);
  StepSettings settings = at_rate(0.01);
  settings.last_of_epoch = true;
  EXPECT_TRUE(learner.step(stripes(8), settings).gradient_norm.defined());
}

TEST(Learner, TheMemoryIsARingInTheState) {
  TrainOptions options = small_options();
  options.loss = Loss::Triplet;
  options.memory = 6;
  Learner learner(options, small_input(), 2);
  learner.step(stripes(4), at_rate(0.001));
  const torch::Tensor labels = learner.state().at("memory.labels");
  EXPECT_EQ(labels[3].item<float>(), 1.0F);
  EXPECT_EQ(labels[4].item<float>(), -1.0F) << "not filled yet";
  const torch::Tensor first = learner.state().at("memory.values")[0].clone();
  learner.step(stripes(4), at_rate(0.001));
  EXPECT_EQ(learner.state().at("memory.next").item<float>(), 2.0F);
  EXPECT_FALSE(torch::equal(learner.state().at("memory.values")[0], first))
      << "the oldest row is overwritten";
  EXPECT_TRUE(learner.finite());
}

TEST(Learner, ClassLossBesideTripletsWithTheNeckBetween) {
  TrainOptions options = small_options();
  options.loss = Loss::Triplet;
  options.class_loss = ClassLoss::CosFace;
  options.neck = true;
  Learner learner(options, small_input(), 2);
  const torch::Tensor before = learner.state().at("class_weight").clone();
  EXPECT_TRUE(halves_its_loss(learner, stripes(16), at_rate(0.005), 20));
  EXPECT_FALSE(torch::equal(before, learner.state().at("class_weight")));
}

TEST(Learner, LearnsInBfloat16WithWeightsInFloat32) {
  TrainOptions options = small_options();
  options.precision = Precision::Bf16;
  Learner learner(options, small_input(), 2);
  EXPECT_TRUE(halves_its_loss(learner, stripes(16), at_rate(0.005), 20));
  for (const auto& [name, tensor] : learner.state()) EXPECT_EQ(tensor.scalar_type(), torch::kFloat32) << name;
}

TEST(Learner, TapsThatMeetOnlyPaddingHaveNoGradient) {
  // Of pictures of 16×16 the last stage sees one pixel: around it there is padding alone.
  for (const Precision precision : {Precision::Fp32, Precision::Bf16}) {
    TrainOptions options = small_options();
    options.precision = precision;
    options.weight_decay = 0;
    Learner learner(options, small_input(), 2);
    for (int i = 0; i < 3; ++i) {
      // What is left in freed memory must not matter.
      std::vector<torch::Tensor> left(64, torch::Tensor());
      for (torch::Tensor& tensor : left) tensor = torch::full({1 << 18}, std::nanf(""));
      left.clear();
      learner.step(stripes(16), at_rate(0.001));
    }
    torch::Tensor sums = learner.state().at("optimizer.stage4.0.conv1.weight.momentum").abs().sum(0).sum(0);
    EXPECT_GT(sums[1][1].item<float>(), 0);
    sums[1][1] = 0;
    EXPECT_EQ(sums.max().item<float>(), 0) << "in precision " << static_cast<int>(precision);
  }
}

TEST(Learner, ImprintedClassesNameTheirPicturesAtOnce) {
  TrainOptions options = small_options();
  options.loss = Loss::CosFace;
  Learner learner(options, small_input(), 2);
  const Batch batch = stripes(16);
  const torch::Tensor values = embeddings(learner.kept(), batch);
  torch::Tensor means = torch::zeros({2, values.size(1)});
  for (std::int64_t i = 0; i < values.size(0); ++i) means[i % 2] += values[i];
  const torch::Tensor before = learner.state().at("class_weight").norm(2, 1);
  learner.imprint(means);
  const torch::Tensor weights = learner.state().at("class_weight").detach();
  EXPECT_TRUE(torch::allclose(weights.norm(2, 1), before, 1e-4)) << "the length decides how fast they turn";
  const torch::Tensor cosines =
      torch::nn::functional::normalize(weights).mm(torch::nn::functional::normalize(means).t());
  EXPECT_GT(cosines[0][0].item<float>(), 0.9999);
  EXPECT_GT(cosines[1][1].item<float>(), 0.9999);
}

TEST(Learner, StartsFromWeightsAndRefusesOtherChannels) {
  fixtures::WeightsOptions made;
  made.input.width = made.input.height = kSide;
  made.input.channels = 3;
  const std::string file = fixtures::write_weights(fixtures::temp_dir() + "/three.safetensors", made);
  TrainOptions options = small_options();
  options.init = file;
  try {
    const Learner refused(options, small_input(), 2);
    FAIL() << "three channels were taken for one";
  } catch (const embed::Error& error) {
    EXPECT_EQ(error.code(), embed::ErrorCode::Mismatch);
    EXPECT_NE(std::string(error.what()).find(file), std::string::npos);
  }
  embed::InputSpec colour = small_input();
  colour.channels = 3;
  Learner learner(options, colour, 2);
  embed::nn::LoadedModel model = embed::nn::load_weights(file);
  EXPECT_TRUE(torch::equal(learner.kept()->dense->weight.contiguous(), model.network->dense->weight));
}

TEST(Checkpoint, ComesBackAndRefusesWhatDoesNotFit) {
  const std::string path = fixtures::temp_dir() + "/checkpoint.safetensors";
  const torch::Tensor value = torch::arange(6, torch::kFloat32).reshape({2, 3});
  Progress progress;
  progress.epoch = 2, progress.batch = 7, progress.step = 99, progress.has_best = true;
  progress.best = 0.75, progress.best_epoch = 1, progress.best_evaluation = R"({"auc":0.75})";
  save_checkpoint(path, {{"value", value}}, progress, {{"lr", "0.1"}});

  torch::Tensor target = torch::zeros({2, 3});
  const Progress back = load_checkpoint(path, {{"value", target}}, {{"lr", "0.1"}});
  EXPECT_TRUE(torch::equal(target, value));
  EXPECT_EQ(back.epoch, 2U);
  EXPECT_EQ(back.batch, 7U);
  EXPECT_EQ(back.step, 99U);
  EXPECT_EQ(back.best, 0.75);
  EXPECT_EQ(back.best_evaluation, progress.best_evaluation);

  const auto refused = [&](const StateTensors& tensors, const std::string& lr, const char* says) {
    try {
      load_checkpoint(path, tensors, {{"lr", lr}});
      ADD_FAILURE() << "taken: " << says;
    } catch (const embed::Error& error) {
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find(says), std::string::npos) << error.what();
    }
  };
  refused({{"value", target}}, "0.2", "--lr");
  refused({{"value", torch::zeros({3, 2})}}, "0.1", "value");
  refused({{"other", target}}, "0.1", "other");
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  refused({{"value", target}}, "0.1", "");
}

}  // namespace
}  // namespace training
