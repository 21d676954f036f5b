#pragma once
// The daemon's configuration: one TOML file, and below it in precedence the OLLAMA_* variables that make
// sense here (docs/facts/ollama_wire.md#environment). Read and validated whole before anything starts;
// immutable after. Keys: docs/configuration.md.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "corral/catalog/diagnostic.hpp"
#include "corral/catalog/profile.hpp"
#include "corral/config/configuration_pull.hpp"
#include "corral/core/time.hpp"
#include "corral/http/server.hpp"
#include "corral/http/tls.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::config {

// What is kept of crashes, in <state_directory>/crashes.
struct black_box_settings {
    std::size_t keep = 20;       // bundles; 0: none is made
    std::uint64_t size_mb = 16;  // of all together, in MiB
    bool operator==(const black_box_settings&) const = default;
};

// Where `corral report` sends incidents.
struct report_settings {
    std::string to;                  // https://HOST[:PORT][/PATH] without a final '/'; empty: nowhere
    std::filesystem::path key_file;  // whose first line goes along as a bearer token; empty: none
};

// A file of the folder of manifests that is not served, while all others are.
struct left_out_manifest {
    std::filesystem::path file;
    std::string name;                           // of its model, in display form; empty: not known
    std::vector<catalog::diagnostic> problems;  // at least one
};

// When a model that has no room on its cards takes the place of another (docs/manifests.md, Many models).
struct swap_settings {
    unsigned overtakes = 8;  // requests of the loaded model that may still go before those who wait
    core::milliseconds patience{10'000};           // and for so long, or twice the load of the other ...
    core::milliseconds patience_ceiling{120'000};  // ... but never longer
    bool operator==(const swap_settings&) const = default;
};

// Why what is served is not what the file says (boot.hpp).
struct stand_in {
    std::string served;                         // in its place: "the last good copy (2026-01-31T12:00:00Z)"
    std::vector<catalog::diagnostic> problems;  // of the file; at least one
    bool door_differs = false;  // the file says something else of who may come in, so none may
};

struct configuration {
    bool blank = false;                     // the file says nothing at all, or is not there
    std::string box_name;                   // for people; the host's unless the file says another
    boost::asio::ip::tcp::endpoint listen;  // 127.0.0.1:11434; port 0 asks the kernel
    bool allow_unauthenticated = false;     // may `listen` be reachable from other machines without keys
    std::optional<std::filesystem::path> keys_file;  // absent: no key is asked for
    std::vector<std::string> hosts;                  // more names of this machine, lower case
    std::string operators;                           // a group of users who operate without keys; empty: none
    std::optional<http::tls_files> tls;              // absent: plain HTTP
    telemetry::log_level log_level = telemetry::log_level::info;
    bool log_content = false;                        // may prompts and answers appear in the log
    std::size_t max_queue = 512;                     // waiting requests; beyond it 503
    core::milliseconds conversation_hold{1000};      // see scheduler_options
    std::vector<std::string> batch_keys;             // API keys whose requests are all of a job
    bool recognises_batch = true;                    // a request's shape may say that it is of one
    core::milliseconds request_deadline{1'800'000};  // from arrival to the last byte
    core::milliseconds shutdown_grace{30'000};       // for the running answer, after SIGTERM
    core::milliseconds upgrade_limit{600'000};       // for running and waiting requests, at an upgrade
    core::milliseconds silence{10'000};  // without a byte for this long a stream says that it lives; 0: never
    core::milliseconds first_byte{45'000};  // of a stream that has nothing to tell yet; 0: when it has
    bool shows_stream_errors = true;        // and cuts of prompts, also as text of the answer
    core::nanoseconds keep_alive{-1};       // of a model after its last request; negative: forever
    unsigned max_loaded_models = 0;         // at once; 0: as the cards' memory allows
    std::uint64_t card_memory_mb = 0;  // of each card, in MiB, where no tool tells; 0: not known, no bound
    swap_settings swap;
    std::filesystem::path state_directory;  // may not be there yet; empty: nothing can be kept
    std::filesystem::path admin_socket;     // empty: there is none
    bool admin_socket_named = false;        // by the file, and not just the usual place
    black_box_settings black_box;
    report_settings report;
    // Where load balancers ask how much this box wants (docs/fleet.md); absent: nowhere.
    std::optional<boost::asio::ip::tcp::endpoint> agent;
    pull_settings pull;
    bool import_requires_signature = false;  // 'corral import' refuses packages without a good one
    http::server_options http;
    std::filesystem::path models_directory;    // of manifests; may not be there
    std::vector<catalog::model_entry> models;  // names and aliases unique, case ignored; may be none
    std::vector<left_out_manifest> left_out;
    std::vector<catalog::diagnostic> awaited;  // key files and certificates that can't be read yet
    std::optional<stand_in> in_place;          // absent: the file is served as it is
};

struct configuration_source {
    std::filesystem::path file;
    std::optional<std::string> text{};   // taken for that of the file, which is not read then
    bool waits_for_credentials = false;  // what is wrong with their files is `awaited`, and no error
    bool leaves_out_models = false;      // a [[models]] table with a mistake is left out, like a manifest
    bool file_may_be_missing = false;    // then all is as without a word in it
    bool is_the_servers = false;  // its reader is the user who serves, for whom a closed file is to be opened
    // OLLAMA_*, for the state directory STATE_DIRECTORY, XDG_STATE_HOME and HOME, for the admin socket
    // RUNTIME_DIRECTORY.
    std::map<std::string, std::string> environment;
    std::optional<std::string> listen;  // ADDR:PORT of the command line; wins over all else
    std::vector<std::string> dialects;  // names a profile may say; empty: not checked
    // Borrowed; set: the files are read to learn the defaults of what they do not set (catalog::issue_list), and the
    // result is not to be used.
    const catalog::default_observer* defaults = nullptr;
};

struct configuration_result {
    std::optional<configuration> value;  // set exactly when `errors` is empty
    // What could be read in spite of `errors`, with defaults for the rest: to look at, never to serve.
    std::optional<configuration> draft;
    std::vector<catalog::diagnostic> errors;
    // Worth saying, but no reason not to start: a package that is not there (yet), a variable without effect.
    std::vector<catalog::diagnostic> warnings;
    std::string text;  // of the file, as far as it could be read
};

// Reads the file, its profiles, keys and certificate, and the names and sizes of its packages; starts and
// changes nothing. Blocks on the disk, so call it before the loop runs. Relative paths of the file
// (`profiles`, `package`, `working_directory`, `keys` and the like, a `profile` with '/') are relative to the
// file's folder; "~" is not expanded.
[[nodiscard]] configuration_result load_configuration(const configuration_source& source);

// The entry that a client means by `typed` (catalog::same_model), or nullptr. Borrowed from `in`.
[[nodiscard]] const catalog::model_entry* find_model(const configuration& in, std::string_view typed);

}  // namespace corral::config
