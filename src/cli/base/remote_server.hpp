#pragma once
// Where a command finds a server that it asks as any client does, and with which key.

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "corral/control/admin_client.hpp"
#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "corral/http/tls.hpp"

namespace CLI {
class App;
}

namespace corral::cli {

struct server_address {
    boost::asio::ip::tcp::endpoint at;
    std::string host;                   // for the Host header
    std::optional<http::tls_peer> tls;  // of https
    // A header of the PROXY protocol, for a box that wants one of this machine; empty: none.
    std::string preface;
};

// What a machine that passes connections on says of one of its own (version 1 of the PROXY protocol, section 2.1).
inline constexpr const char* own_connection = "PROXY UNKNOWN\r\n";

// Of "http://HOST[:PORT]" or https, port 11434 where none is said. `option` names it in messages; `authorities`: a file
// of certificates in place of the system's. Blocks: names are looked up, and of several addresses the first that takes
// a connection within 3 s is chosen.
[[nodiscard]] core::result<server_address> find_server(const std::string& option, const std::string& address,
                                                       const std::string& authorities = {});

// For an option of CLI11: empty for an address as find_server() takes it, else what is wrong. An empty one, perhaps of an
// unset variable, does not mean this machine.
[[nodiscard]] std::string mistake_in_address(const std::string& address);

// What a certificate that is not trusted needs, for a command that has --ca-file.
[[nodiscard]] core::failure with_ca_file(core::failure failure);

// The whole of a plain file of at most `most` bytes.
[[nodiscard]] core::result<std::string> read_bounded(const std::filesystem::path& file, std::size_t most);

// The first line of `file`, of at most 4 KiB; empty where no file is named.
[[nodiscard]] core::result<std::string> key_in(const std::string& file);

// The key in `file`, else OLLAMA_API_KEY of the environment, else none.
[[nodiscard]] core::result<std::string> key_of(const std::string& file,
                                               const std::map<std::string, std::string>& environment);

// A Corral on another machine, asked by the API of the box (docs/dashboard.md) as its page does.
struct remote_box {
    std::string url;           // empty: the daemon of this machine
    std::string key_file;      // its first line is the key; else OLLAMA_API_KEY
    std::string ca_file;       // else the system's certificates
    core::seconds limit{150};  // for the whole answer
    bool is_here = false;      // ca_file is its very certificate, whatever names that has
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
