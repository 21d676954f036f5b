#pragma once
// Where a remote server is: a URL as the configuration has it, and the address that answers there now.

#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

#include "corral/core/async.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"

namespace corral::engine::ollama_remote {

struct remote_address {
    std::string host;  // a name, or a literal without brackets
    std::string port;
    [[nodiscard]] std::string text() const;  // "http://host:port", as people write it
    [[nodiscard]] std::string host_header() const;
};

// "http://host:port", the port 11434 where none is said. Refuses https, user names and paths by name.
[[nodiscard]] core::result<remote_address> parse_remote_url(std::string_view url);

// Looks the name up and connects for a try, so that a host which swallows packets costs `until` and not the
// wait for a first word. The first address that accepts; each has its share of the time. A look-up that no name server
// answers goes on in `threads`, where it holds up neither the caller nor another name.
[[nodiscard]] core::awaitable<core::result<boost::asio::ip::tcp::endpoint>> reach(core::disk_work& threads,
                                                                                  remote_address where,
                                                                                  core::deadline until);

}  // namespace corral::engine::ollama_remote
