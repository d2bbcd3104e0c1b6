// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-train report: a page about training runs.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/embed_set.h"
#include "cli/network.h"
#include "cli/report_sources.h"
#include "command_line/table_flags.h"
#include "data/run_checks.h"
#include "embed/error.h"
#include "embed/safetensors.h"
#include "report/report.h"

namespace training::cli {

namespace {

namespace fs = std::filesystem;

struct ReportFlags {
  std::vector<std::string> runs;
  std::string out, data, weights;
  std::size_t images = 5000, resamples = 500;
  command_line::TableFlags embedder;
};

/// The folder's own name, or the path where that is taken.
std::string name_of(const std::string& folder, std::set<std::string>& taken) {
  std::string name = fs::absolute(folder + "/").lexically_normal().parent_path().filename().string();
  if (taken.count(name) != 0) name = folder;
  const std::string once = name;
  for (int n = 2; taken.count(name) != 0; ++n) name = once + " (" + std::to_string(n) + ")";
  taken.insert(name);
  return name;
}

void evaluate_run(const ReportFlags& flags, const FoundSet& set, const std::string& weights, ReportRun& run) {
  const Network embedder(weights, command_line::embedder_options(flags.embedder));
  run.weights = fs::path(weights).filename().string();
  run.set = set.description;
  run.flip = run.log.start.val_flip;
  run.pictures = set.pictures;
  run.labels = set.list.labels;
  run.names = set.list.names;
  for (const std::string* source : set.list.sources) run.sources.push_back(*source);
  SetEvaluationOptions options;
  options.metric = embedder.info().metric;
  options.threshold = embedder.info().threshold;
  options.resamples = flags.resamples;
  run.evaluation =
      evaluate_set({embed_pictures(embedder, run.pictures, run.flip), run.labels}, set.list.classes, options);
  if (!set.note.empty()) run.notes.push_back(set.note);
  if (!options.threshold)
    run.notes.emplace_back("The weights hold no threshold: evaluate --calibrate gives them one.");
}

/// What was asked for by name must be there; what the log names may be gone, and the page then says so.
void add_evaluation(const ReportFlags& flags, ReportRun& run, std::vector<FoundSet>& sets) {
  bool asked = !flags.weights.empty();
  try {
    const std::string weights = flags.weights.empty() ? find_weights(run.log) : flags.weights;
    asked = asked || !flags.data.empty();
    sets.push_back(flags.data.empty() ? open_validation(run.log, flags.images)
                                      : open_set(flags.data, flags.images));
    evaluate_run(flags, sets.back(), weights, run);
  } catch (const embed::Error& error) {
    if (asked) throw;
    run.evaluation.reset();
    run.notes.push_back(std::string("Not evaluated: ") + error.what());
    print_error("%s: not evaluated: %s\n", run.name.c_str(), error.what());
  }
}

int report(const ReportFlags& flags) {
  std::vector<ReportRun> runs;
  std::set<std::string> taken;
  for (const std::string& folder : flags.runs) {
    ReportRun run;
    run.name = name_of(folder, taken);
    run.log = read_run_log(folder);
    runs.push_back(std::move(run));
  }
  require_no_input(flags.out, {flags.data, flags.weights});
  for (const ReportRun& run : runs) {
    require_no_input(flags.out,
                     {run.log.folder + "/metrics.jsonl", run.log.start.val, run.log.start.weights});
    require_no_input(flags.out, run.log.start.data);
  }
  std::vector<FoundSet> sets;  // They own the pictures that the runs point to.
  for (ReportRun& run : runs) add_evaluation(flags, run, sets);
  const std::string page = report_page(report_json(runs));
  embed::write_file_atomically(flags.out, page.data(), page.size());
  print("%s\n", flags.out.c_str());
  return 0;
}

}  // namespace

void add_report(CLI::App& app, Action& action) {
  auto flags = std::make_shared<ReportFlags>();
  CLI::App* command =
      app.add_subcommand("report", "Writes a page about training runs: curves, measures, pictures");
  command->add_option("RUN", flags->runs, "Folders of runs (OUT.run, or --run-dir), side by side")
      ->required()
      ->type_name("DIR");
  command->add_option("-o,--out", flags->out, "The page to write")->required()->type_name("FILE.html");
  command
      ->add_option("--data", flags->data,
                   "Packed set to evaluate all runs on; default what each run validated on")
      ->type_name("SET");
  command
      ->add_option("--weights", flags->weights, "Weights to evaluate, with one run; default those it wrote")
      ->type_name("FILE");
  command
      ->add_option("--images", flags->images, "Evaluate at most so many pictures, whole identities of them")
      ->capture_default_str()
      ->check(CLI::Range(4, 50000));
  command->add_option("--bootstrap", flags->resamples, "95 % intervals from so many resamples; 0: none")
      ->capture_default_str()
      ->check(CLI::Range(0, 100000));
  flags->embedder.add(*command, embed::kEmbedderOptions, "Running the network");
  command->footer(
      "The page is one HTML file that needs nothing else, not even a network: curves of the run, ROC, "
      "distances,\n"
      "mistaken identities, a map of the embeddings and the worst pairs as pictures. The pictures are "
      "inside: "
      "it is\n"
      "as private as they are. What is not there any more (data, weights) the page leaves out and says "
      "so.\n\n"
      "Examples:\n"
      "  triplet-train report weights.run --out report.html\n"
      "  triplet-train report small.run large.run --data heldout.safetensors --out both.html");
  command->callback([flags, &action] {
    if (!flags->weights.empty() && flags->runs.size() != 1)
      throw CLI::ValidationError("--weights", "goes with one run only");
    action = [flags] { return report(*flags); };
  });
}

}  // namespace training::cli
