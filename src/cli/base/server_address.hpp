#pragma once
// Where a command finds a server that it asks as any client does, and with which key.

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "corral/core/result.hpp"
#include "corral/http/tls.hpp"

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

// What a certificate that is not trusted needs, for a command that has --ca-file.
[[nodiscard]] core::failure with_ca_file(core::failure failure);

// The whole of a plain file of at most `most` bytes.
[[nodiscard]] core::result<std::string> read_bounded(const std::filesystem::path& file, std::size_t most);

// The first line of `file`, of at most 4 KiB; empty where no file is named.
[[nodiscard]] core::result<std::string> key_in(const std::string& file);

// The key in `file`, else OLLAMA_API_KEY of the environment, else none.
[[nodiscard]] core::result<std::string> key_of(const std::string& file,
                                               const std::map<std::string, std::string>& environment);

}  // namespace corral::cli
