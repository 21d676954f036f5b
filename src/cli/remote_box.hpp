#pragma once
// A Corral on another machine, asked by the API of the box (docs/dashboard.md) as its page does.

#include <map>
#include <string>

#include "corral/control/admin_socket.hpp"
#include "corral/core/result.hpp"

namespace CLI {
class App;
}

namespace corral::cli {

struct remote_box {
    std::string url;       // empty: the daemon of this machine
    std::string key_file;  // its first line is the key; else OLLAMA_API_KEY
    std::string ca_file;   // else the system's certificates
};

// --url, --key-file and --ca-file; `into` outlives the parser.
void add_remote_options(CLI::App& to, remote_box& into);

// The answer to "status" and "doctor", or to "start", "stop", "restart", "pin" and "unpin" of a model. Blocks, 150 s at most; fails with
// what the box says, or with why it says nothing.
[[nodiscard]] core::result<control::admin_json> ask_remote(
    const remote_box& at, const std::string& verb, const std::string& model,
    const std::map<std::string, std::string>& environment);

}  // namespace corral::cli
