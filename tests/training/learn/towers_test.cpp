// SPDX-License-Identifier: LGPL-2.1-or-later
// Losses across two kinds of picture, and a learner with one network or two.
#include "learn/towers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "data/cross_batches.h"
#include "embed/error.h"
#include "losses_of.h"
#include "measure/cross_kind.h"

namespace training {
namespace {

constexpr int kSide = 16;

/// Eight rows of four dimensions, two classes and two kinds, the same numbers on every machine.
struct Rows8 {
  torch::Tensor values = torch::sin(torch::arange(32, torch::kFloat32) * 1.7F).reshape({8, 4});
  std::vector<std::int64_t> labels{0, 1, 0, 1, 0, 0, 1, 1}, sides{0, 0, 0, 0, 1, 1, 1, 1};
  torch::Tensor label_tensor() const { return torch::tensor(labels); }
  torch::Tensor side_tensor() const { return torch::tensor(sides); }
  double distance(std::size_t i, std::size_t j) const {
    double sum = 0;
    for (std::int64_t d = 0; d < 4; ++d) {
      const double gap = values[static_cast<std::int64_t>(i)][d].item<double>() -
                         values[static_cast<std::int64_t>(j)][d].item<double>();
      sum += gap * gap;
    }
    return sum;
  }
};

/// visit(anchor, positive, negative) for all triplets across the kinds, in both directions.
void for_each_triplet(const Rows8& rows,
                      const std::function<void(std::size_t, std::size_t, std::size_t)>& visit) {
  for (std::size_t a = 0; a < 8; ++a) {
    for (std::size_t p = 0; p < 8; ++p) {
      for (std::size_t n = 0; n < 8; ++n) {
        if (rows.sides[a] == rows.sides[p] || rows.sides[a] == rows.sides[n]) continue;
        if (rows.labels[a] == rows.labels[p] && rows.labels[a] != rows.labels[n]) visit(a, p, n);
      }
    }
  }
}

TEST(CrossKindLoss, BatchAllIsTheMeanOverTheTripletsCountedByHand) {
  const Rows8 rows;
  double sum = 0, count = 0, all = 0;
  for_each_triplet(rows, [&](std::size_t a, std::size_t p, std::size_t n) {
    const double term = rows.distance(a, p) - rows.distance(a, n) + 1;
    ++all;
    if (term > 0) sum += term, ++count;
  });
  ASSERT_EQ(all, 8 * 2 * 2) << "each anchor with two positives and two negatives of the other kind";
  const LossValue value =
      mined_triplet_loss(rows.values, rows.label_tensor(), Miner::BatchAll, {}, {}, rows.side_tensor());
  EXPECT_NEAR(value.loss.item<double>(), sum / count, 1e-5);
  EXPECT_EQ(value.kinds.sum().item<std::int64_t>(), 32);
}

TEST(CrossKindLoss, BatchHardTakesFarthestAndNearestOfTheOtherKind) {
  const Rows8 rows;
  std::vector<double> farthest(8, 0), nearest(8, 1e9);
  for_each_triplet(rows, [&](std::size_t a, std::size_t p, std::size_t n) {
    farthest[a] = std::max(farthest[a], rows.distance(a, p));
    nearest[a] = std::min(nearest[a], rows.distance(a, n));
  });
  double sum = 0;
  for (std::size_t a = 0; a < 8; ++a) sum += std::max(0.0, farthest[a] - nearest[a] + 1);
  const LossValue value =
      mined_triplet_loss(rows.values, rows.label_tensor(), Miner::BatchHard, {}, {}, rows.side_tensor());
  EXPECT_NEAR(value.loss.item<double>(), sum / 8, 1e-5);
}

TEST(CrossKindLoss, ContrastiveLooksAtPairsAcrossAlone) {
  const Rows8 rows;
  double near = 0, near_count = 0, far = 0, far_count = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    for (std::size_t j = 0; j < 8; ++j) {
      if (rows.sides[i] == rows.sides[j]) continue;
      const double d = rows.distance(i, j), gap = 3 - std::sqrt(d);
      if (rows.labels[i] == rows.labels[j]) {
        near += d, ++near_count;
      } else if (gap > 0) {
        far += gap * gap, ++far_count;
      }
    }
  }
  const LossValue value = contrastive_loss(rows.values, rows.label_tensor(),
                                           {embed::Metric::SquaredL2, 3, false}, {}, rows.side_tensor());
  EXPECT_NEAR(value.loss.item<double>(), near / near_count + far / far_count, 1e-4);
}

TEST(CrossKindLoss, WithOneKindThereIsNothingToLearn) {
  const Rows8 rows;
  for (const Miner miner : {Miner::BatchHard, Miner::SemiHard, Miner::BatchAll, Miner::AllHard}) {
    const torch::Tensor values = rows.values.clone().set_requires_grad(true);
    const LossValue value =
        mined_triplet_loss(values, rows.label_tensor(), miner, {}, {}, torch::zeros({8}, torch::kInt64));
    value.loss.backward();
    EXPECT_EQ(value.loss.item<double>(), 0) << to_string(miner);
    EXPECT_EQ(values.grad().abs().sum().item<double>(), 0) << to_string(miner);
  }
}

TEST(CrossKindLoss, MemoryGivesCandidatesOfTheOtherKind) {
  const Rows8 rows;
  // A negative that lies on the anchor counts when it is of the other kind, and only then.
  const auto loss_with = [&](std::int64_t side) {
    const Memory memory{rows.values.slice(0, 0, 1), torch::tensor({std::int64_t{1}}), torch::tensor({side})};
    return mined_triplet_loss(rows.values, rows.label_tensor(), Miner::BatchHard, {}, memory,
                              rows.side_tensor())
        .loss.item<double>();
  };
  const double without =
      mined_triplet_loss(rows.values, rows.label_tensor(), Miner::BatchHard, {}, {}, rows.side_tensor())
          .loss.item<double>();
  EXPECT_GT(loss_with(1), without + 1e-3);
  EXPECT_NE(loss_with(0), loss_with(1));
}

embed::InputSpec small_input() {
  embed::InputSpec input;
  input.width = input.height = kSide;
  input.channels = 1;
  return input;
}

TrainOptions small_options(Towers towers) {
  TrainOptions options;
  options.threads = 1;
  options.device = "cpu";
  options.loss = Loss::Triplet;
  options.data_other = {"other"};
  options.towers = towers;
  return options;
}

/// `count` pictures of each kind, of classes 0 and 1 in turn: stripes that lie or stand, each with a shift of
/// its own. What lies in the first kind stands in the second: the kinds look alike and mean the opposite.
Batch opposites(std::size_t count) {
  Batch batch;
  for (std::int64_t side = 0; side < 2; ++side) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto label = static_cast<std::int64_t>(i % 2);
      for (int y = 0; y < kSide; ++y) {
        for (int x = 0; x < kSide; ++x) {
          const std::size_t along = (static_cast<std::size_t>(label == side ? x : y) + i / 2) / 2;
          batch.pictures.push_back(along % 2 == 0 ? 220 : 30);
        }
      }
      batch.labels.push_back(label);
      batch.sides.push_back(side);
    }
  }
  batch.first_kind = count;
  return batch;
}

StepSettings at_rate(double rate) {
  StepSettings settings;
  settings.learning_rate = rate;
  settings.margin = 0.3;
  return settings;
}

LabelledEmbeddings embedded(embed::nn::ResNet18V2& network, const Batch& batch, std::size_t begin,
                            std::size_t count) {
  const torch::NoGradGuard no_grad;
  const auto rows = static_cast<std::int64_t>(count);
  std::vector<std::uint8_t> bytes(
      batch.pictures.begin() + static_cast<std::ptrdiff_t>(begin * kSide * kSide),
      batch.pictures.begin() + static_cast<std::ptrdiff_t>((begin + count) * kSide * kSide));
  const torch::Tensor pictures = torch::from_blob(bytes.data(), {rows, kSide, kSide, 1}, torch::kUInt8);
  const torch::Tensor values = network->forward(embed::nn::normalise(pictures, small_input())).contiguous();
  LabelledEmbeddings set;
  for (std::size_t i = 0; i < count; ++i) {
    set.labels.push_back(batch.labels[begin + i]);
    set.values.emplace_back();
    std::copy_n(values.data_ptr<float>() + i * embed::kEmbeddingDim, embed::kEmbeddingDim,
                set.values.back().data());
  }
  return set;
}

/// A learner that is shown the same pictures again and again.
class Pupil {
 public:
  explicit Pupil(Towers towers) : learner_(small_options(towers), small_input(), 2) {}

  void learn(int steps) {
    for (int step = 0; step < steps; ++step) learner_.step(batch_, at_rate(0.01));
  }
  /// Share of all triplets across the kinds in the right order.
  double accuracy() {
    const LabelledEmbeddings first = embedded(learner_.kept(), batch_, 0, 16);
    const LabelledEmbeddings second = embedded(learner_.kept_other(), batch_, 16, 16);
    return all_cross_triplets(first, second, embed::Metric::Cosine).strict_rate();
  }

 private:
  Learner learner_;
  Batch batch_ = opposites(16);
};

TEST(Towers, SeparateOnesLearnWhatOneNetworkCannot) {
  Pupil separate(Towers::Separate);
  int steps = 0;
  for (; steps < 25 && separate.accuracy() <= 0.95; steps += 5) separate.learn(5);
  EXPECT_GT(separate.accuracy(), 0.95);
  // One network sees the same picture under both classes: it can do no better than guess.
  Pupil shared(Towers::Shared);
  shared.learn(steps);
  EXPECT_LT(shared.accuracy(), 0.7);
}

TEST(Towers, SharedIsOneNetworkSeparateAreTwoThatBothMove) {
  Learner shared(small_options(Towers::Shared), small_input(), 2);
  EXPECT_EQ(&*shared.kept(), &*shared.kept_other());
  EXPECT_EQ(shared.state().count("other.network.dense.weight"), 0U);

  TrainOptions options = small_options(Towers::Separate);
  options.ema = 0.9;
  options.class_loss = ClassLoss::CosFace;
  Learner learner(options, small_input(), 2);
  const StateTensors state = learner.state();
  const auto value = [&](const std::string& name) { return state.at(name).clone(); };
  EXPECT_EQ(state.count("other.class_weight"), 0U) << "one set of class weights";
  const torch::Tensor first = value("network.stem_conv.weight"),
                      second = value("other.network.stem_conv.weight");
  EXPECT_TRUE(torch::equal(first, second)) << "both start from the seed";
  learner.step(opposites(8), at_rate(0.01));
  learner.step(opposites(8), at_rate(0.01));
  for (const char* name : {"network.stem_conv.weight", "average.stem_conv.weight"}) {
    EXPECT_FALSE(torch::equal(value(name), first)) << name;
    EXPECT_FALSE(torch::equal(value(std::string("other.") + name), second)) << name;
    EXPECT_FALSE(torch::equal(value(name), value(std::string("other.") + name))) << name;
  }
  EXPECT_GT(value("other.optimizer.dense.weight.momentum").abs().sum().item<double>(), 0);
  EXPECT_FALSE(torch::equal(value("neck.running_mean"), value("other.neck.running_mean")));
  EXPECT_TRUE(learner.finite());
}

TEST(Towers, TheGradientIsClippedByItsNormOverBoth) {
  TrainOptions options = small_options(Towers::Separate);
  options.neck = false;
  options.momentum = 0, options.nesterov = false, options.weight_decay = 0;
  options.clip_gradient = 1e-3;
  Learner learner(options, small_input(), 2);
  std::map<std::string, torch::Tensor> before;
  for (const auto& [name, tensor] : learner.state()) {
    if (name.find("running_") == std::string::npos) before[name] = tensor.clone();
  }
  ASSERT_GT(learner.step(opposites(8), at_rate(100)).gradient_norm.item<double>(), 1e-3);
  double squares = 0, of_other = 0;
  for (const auto& [name, tensor] : before) {
    const double moved = (learner.state().at(name) - tensor).norm().item<double>();
    squares += moved * moved;
    if (name.rfind("other.", 0) == 0) of_other += moved * moved;
  }
  EXPECT_NEAR(std::sqrt(squares), 100 * 1e-3, 1e-3);
  EXPECT_GT(of_other, 0.01 * squares);
  EXPECT_LT(of_other, 0.99 * squares);
}

TEST(Towers, OfflineTripletsPassAnchorsThroughTheFirst) {
  // Anchors alone through the first network: its gradient is that of the anchors' pass, and separate passes
  // give each its batch statistics.
  for (const bool separate_passes : {false, true}) {
    TrainOptions options = small_options(Towers::Separate);
    options.miner = Miner::Offline;
    options.separate_passes = separate_passes;
    Learner learner(options, small_input(), 2);
    Batch batch = opposites(8);
    // Anchors of the first kind, then positives and negatives: as many rows of the second, twice.
    const Batch more = opposites(8);
    const auto half = static_cast<std::ptrdiff_t>(8 * kSide * kSide);
    batch.pictures.insert(batch.pictures.end(), more.pictures.begin() + half, more.pictures.end());
    for (std::size_t i = 0; i < 8; ++i) {
      batch.labels.push_back(1 - more.labels[8 + i]);
      batch.sides.push_back(1);
    }
    const torch::Tensor mean = learner.state().at("network.input_bn.running_mean").clone();
    const LossValue value = learner.step(batch, at_rate(0.01));
    EXPECT_EQ(value.kinds.sum().item<std::int64_t>(), 8);
    EXPECT_FALSE(torch::equal(mean, learner.state().at("network.input_bn.running_mean")));
    EXPECT_TRUE(learner.finite());
  }
}

TEST(Towers, TheMemoryKeepsTheKinds) {
  TrainOptions options = small_options(Towers::Separate);
  options.memory = 20;
  Learner learner(options, small_input(), 2);
  learner.step(opposites(4), at_rate(0.001));
  const torch::Tensor sides = learner.state().at("memory.sides");
  EXPECT_EQ(sides.slice(0, 0, 4).sum().item<float>(), 0);
  EXPECT_EQ(sides.slice(0, 4, 8).sum().item<float>(), 4);
  learner.step(opposites(4), at_rate(0.001));
  EXPECT_TRUE(learner.finite());
}

TEST(TowerOptions, AreRefusedWhereTheyMakeNoSense) {
  TrainOptions good = small_options(Towers::Separate);
  good.data = {"a"};
  good.out = "w.safetensors";
  good.identities = 2;
  validate(good);
  EXPECT_EQ(other_weights(good), "w-other.safetensors");
  const auto refused = [&](const char* option, const std::function<void(TrainOptions&)>& change) {
    TrainOptions options = good;
    change(options);
    try {
      validate(options);
      ADD_FAILURE() << "taken: " << option;
    } catch (const embed::Error& error) {
      EXPECT_EQ(error.code(), embed::ErrorCode::InvalidArgument);
      EXPECT_EQ(std::string(error.what()).rfind(std::string("--") + option + ": ", 0), 0U) << error.what();
    }
  };
  refused("towers", [](TrainOptions& o) { o.data_other.clear(); });
  refused("val-other", [](TrainOptions& o) { o.val = "v"; });
  refused("val-other", [](TrainOptions& o) { o.val_other = "v"; });
  refused("val-other", [](TrainOptions& o) {
    o.data_other.clear();
    o.towers = Towers::Shared;
    o.val = o.val_other = "v";
  });
  refused("out-other", [](TrainOptions& o) { o.towers = Towers::Shared, o.out_other = "o"; });
  refused("init-other", [](TrainOptions& o) { o.towers = Towers::Shared, o.init_other = "i"; });
  refused("mix-identities", [](TrainOptions& o) { o.mix_identities = 0.5; });
  refused("memory", [](TrainOptions& o) { o.memory = 2 * o.identities * o.images_each - 1; });
  refused("sampler",
          [](TrainOptions& o) { o.loss = Loss::CosFace, o.identities = 0, o.sampler = Sampler::Balanced; });
  refused("batch-size", [](TrainOptions& o) { o.loss = Loss::CosFace, o.identities = 0, o.batch_size = 1; });
}

}  // namespace
}  // namespace training
