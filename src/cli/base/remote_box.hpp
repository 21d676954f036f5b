#pragma once
// A Corral on another machine, asked by the API of the box (docs/dashboard.md) as its page does.

#include <map>
#include <string>

#include "cli/base/server_address.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"

namespace CLI {
class App;
}

namespace corral::cli {

struct remote_box {
    std::string url;           // empty: the daemon of this machine
    std::string key_file;      // its first line is the key; else OLLAMA_API_KEY
    std::string ca_file;       // else the system's certificates
    core::seconds limit{150};  // for the whole answer
};

// --url, --key-file and --ca-file; `into` outlives the parser.
void add_remote_options(CLI::App& app, remote_box& into);

// One whose key is read and whose address is found.
struct found_box {
    std::string url;
    server_address at;
    std::string key;  // empty: none
    core::seconds limit{};
};

// Blocks on the disk, and where a name is looked up. Without `key_file` the key is OLLAMA_API_KEY of `environment`.
[[nodiscard]] core::result<found_box> find_box(const remote_box& at,
                                               const std::map<std::string, std::string>& environment);

// What is asked of a box, this one or another: "status", "requests", "incidents", "doctor", "drain", "undrain", "reload",
// "upgrade", "ui", "start", "stop", "restart", "pin" and "unpin" of a model (empty: all of them), or a GET of any path
// ("/v1/models").
[[nodiscard]] control::admin_question question_of(const std::string& verb, const std::string& model);

// As ask_remote().
[[nodiscard]] core::awaitable<core::result<control::admin_json>> ask_box(found_box box, std::string verb,
                                                                         std::string model);

// The answer to question_of(). Blocks, for `limit` once there is a connection; fails with what the box says, or with why it says nothing.
[[nodiscard]] core::result<control::admin_json> ask_remote(
    const remote_box& at, const std::string& verb, const std::string& model,
    const std::map<std::string, std::string>& environment);

}  // namespace corral::cli
