// SPDX-License-Identifier: LGPL-2.1-or-later
// triplet-gallery serve: the gallery as a page in a browser.
#include <pthread.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "command_line/console.h"
#include "command_line/table_flags.h"
#include "embed/error.h"
#include "embed/model_info.h"
#include "embed/safetensors.h"
#include "gallery/gallery_file.h"
#include "serve/commands.h"
#include "serve/site.h"
#include "serve/upload_process.h"

namespace serve {

namespace {

// Of random letters and digits these are 71 bits; the gate takes one guess in two seconds.
constexpr std::size_t kShortestToken = 12;

struct ServeOptions {
  SiteOptions site;
  std::string address = "127.0.0.1";
  int port = 8765;
  std::string token;
  std::vector<std::string> hosts;
  bool read_only = false;
};

/// What --token says: itself, or the first line of the file behind @.
std::string token_of(const std::string& given) {
  if (given.empty() || given.front() != '@') return given;
  std::ifstream file(given.substr(1));
  std::string line;
  if (!std::getline(file, line))
    throw embed::Error(embed::ErrorCode::Io, "a line with the token expected", given.substr(1), "--token");
  return line;
}

void require_token(const ServeOptions& options, const std::string& token) {
  if (!token.empty() && token.size() < kShortestToken)
    throw embed::Error(embed::ErrorCode::InvalidArgument, "--token: 12 characters or more expected");
  if (!token.empty() || is_loopback(options.address)) return;
  throw embed::Error(
      embed::ErrorCode::InvalidArgument,
      "--address " + options.address +
          ": other computers could see and change who is in the gallery; --token expected, which is "
          "asked for then. It is sent without encryption: on a network that others share, listen on "
          "127.0.0.1 and come by `ssh -L`");
}

std::string shown_address(const std::string& address, int port) {
  const bool six = address.find(':') != std::string::npos;
  return "http://" + (six ? "[" + address + "]" : address) + ":" + std::to_string(port) + "/";
}

/// Blocks the signals that end the program, for this thread and those that it starts.
sigset_t block_ending_signals() {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  return ending;
}

/// Finds out whether pictures can be enrolled: with the weights that the gallery was made with, --weights or
/// the default ones. A gallery that is not there yet will be one of these.
void look_for_weights(SiteOptions& site) {
  std::string path = site.threshold.weights;
  const bool there = std::filesystem::exists(site.gallery);
  try {
    command_line::take_default_weights(path);
  } catch (const embed::Error&) {
    return;  // All but enrolment works without.
  }
  const embed::SafetensorsFile file(path, embed::Contents::Header);
  const embed::ModelInfo model = embed::model_info_from_metadata(file.metadata(), path);
  const std::string sha256 = embed::weights_sha256(file, model);
  if (!there) site.fresh = embed::Gallery(model.metric, sha256);
  if (!there || embed::Gallery::load(site.gallery).weights_sha256() == sha256) site.weights = path;
}

int serve(ServeOptions options) {
  look_for_weights(options.site);
  const std::string token = token_of(options.token);
  require_token(options, token);
  const sigset_t ending = block_ending_signals();
  std::unique_ptr<Gate> gate;
  std::unique_ptr<Site> site;
  WebServer server([&](const Request& request) { return gate->refusal(request); },
                   [&](const Request& request) { return site->body_limit(request); },
                   [&](const Request& request) { return site->answer(request); });
  const std::string address = options.address == "localhost" ? "127.0.0.1" : options.address;
  const int port = server.bind(address, options.port);
  gate = std::make_unique<Gate>(Gate::Options{port, token, options.hosts, options.read_only});
  site = std::make_unique<Site>(options.site, *gate);
  site->gallery().get();  // What is wrong with the file is told now.
  command_line::print("%s\n", shown_address(address, port).c_str());
  command_line::print("Ctrl-C ends it.%s\n",
                      options.read_only ? " Nothing can be changed (--read-only)." : "");
  command_line::finish_output();
  std::thread serving([&] { server.run(); });
  int signal = 0;
  sigwait(&ending, &signal);
  site->close();
  server.stop();
  serving.join();
  return 0;
}

void add_read_upload(CLI::App& app, gallery_tool::Action& action) {
  auto weights = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand(kUploadCommand, "Reads a picture that was sent to `serve`")->group("");
  command->add_option("--weights", *weights, "The network")->required();
  command->callback([weights, &action] { action = [weights] { return upload_process(*weights); }; });
}

}  // namespace

void add_serve(CLI::App& app, gallery_tool::Action& action) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command =
      app.add_subcommand("serve", "Shows the gallery as a page in a browser, to look and to change");
  gallery_tool::add_gallery(*command, options->site.gallery);
  command
      ->add_option("--strangers", options->site.strangers,
                   "The file that tripletembed's property `strangers` names")
      ->type_name("FILE");
  command
      ->add_option("--events", options->site.events,
                   "A file that tripletjson writes events into (lines=events or both); may be given again")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command->add_flag(
      "--keep-crops", options->site.keep_crops,
      "Keep a picture of each face that is enrolled or named here, in the folder of the gallery's "
      "name and .crops");
  command->add_flag("--read-only", options->read_only, "Change nothing");
  command->add_option("--port", options->port, "The port; 0: any that is free")
      ->capture_default_str()
      ->check(CLI::Range(0, 65'535));
  command
      ->add_option("--address", options->address,
                   "The address to listen on; one that other computers reach needs --token")
      ->capture_default_str()
      ->type_name("ADDRESS");
  command
      ->add_option("--token", options->token,
                   "A secret of 12 characters or more that the page asks for; @FILE: that file's first line")
      ->type_name("TEXT");
  command
      ->add_option(
          "--host", options->hosts,
          "A name by which browsers may call the page, beside localhost and addresses; may be given again")
      ->type_name("NAME")
      ->allow_extra_args(false);
  gallery_tool::add_threshold(*command, options->site.threshold);
  add_read_upload(app, action);
  command->footer(
      "Who is there can be seen, named, merged and removed while pipelines run. docs/serve.md says what each "
      "tab\n"
      "does and how it is secured.\n\n"
      "Examples:\n"
      "  triplet-gallery serve people.safetensors\n"
      "  triplet-gallery serve people.safetensors --strangers people.strangers --events door.jsonl --events "
      "yard.jsonl");
  command->callback([options, &action] { action = [options] { return serve(*options); }; });
}

}  // namespace serve
