#include "cli/base/server_address.hpp"

#include <fstream>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "corral/core/say.hpp"
#include "corral/core/server_url.hpp"
#include "corral/core/time.hpp"

namespace corral::cli {

namespace {

constexpr std::uint16_t usual_port = 11434;

using endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

// A server takes connections there.
bool answers(const boost::asio::ip::tcp::endpoint& at) {
    boost::asio::io_context loop;
    boost::asio::ip::tcp::socket line(loop);
    bool taken = false;
    line.async_connect(at, [&taken](const core::error_code& error) { taken = !error; });
    loop.run_for(core::seconds{3});
    return taken;
}

// "localhost" is often ::1 first, and the server at 127.0.0.1 only.
boost::asio::ip::tcp::endpoint first_that_answers(const endpoints& found) {
    for (const auto& one : found) {
        if (found.size() == 1 || answers(one)) {
            return one;
        }
    }
    return found.front();
}

endpoints look_up(const std::string& host, std::uint16_t port, core::error_code& error) {
    endpoints out = core::own_endpoints(host, port);
    if (out.empty()) {
        boost::asio::io_context loop;
        boost::asio::ip::tcp::resolver resolver(loop);
        for (const auto& one : resolver.resolve(host, std::to_string(port), error)) {
            out.push_back(one.endpoint());
        }
    }
    return out;
}

}  // namespace

core::result<server_address> find_server(const std::string& option, const std::string& address,
                                         const std::string& authorities) {
    const auto read = core::parse_server_url(address, core::url_schemes::http_and_https);
    const auto* const url = std::get_if<core::server_url>(&read);
    if (url == nullptr) {
        return core::make_failure(core::errc::invalid, core::say("command.address/form", option, address));
    }
    const std::uint16_t port = url->port.value_or(usual_port);
    core::error_code error;
    const endpoints found = look_up(url->host, port, error);
    if (error || found.empty()) {
        return core::make_failure(core::errc::invalid,
                                  core::say("command.address/address", url->host, error.message()));
    }
    server_address out;
    out.at = first_that_answers(found);
    out.host = url->host_text() + ":" + std::to_string(port);
    if (url->tls) {
        const core::result<http::tls_trust> trust = http::tls_trust::load(authorities);
        if (!trust) {
            return trust.error();
        }
        out.tls = http::tls_peer{*trust, url->host};
    }
    return out;
}

core::failure with_ca_file(core::failure failure) {
    if (failure.message.id() == "command.not-trusted") {
        failure.message = core::say("command.not-trusted/ca-file", failure.message);
    }
    return failure;
}

core::result<std::string> read_bounded(const std::filesystem::path& file, std::size_t most) {
    std::error_code error;
    const bool plain = std::filesystem::is_regular_file(file, error);  // the open of a pipe would wait
    std::ifstream in(plain ? file : std::filesystem::path(), std::ios::binary);
    if (!in) {
        return core::make_failure(core::errc::invalid,
                                  core::say("command.address/read-plain", file.string()));
    }
    std::string out(most + 1, '\0');
    in.read(out.data(), static_cast<std::streamsize>(out.size()));
    out.resize(static_cast<std::size_t>(in.gcount()));
    if (in.bad() || out.size() > most) {
        return core::make_failure(core::errc::invalid,
                                  core::say("command.address/longer-bytes", file.string(), most));
    }
    return out;
}

core::result<std::string> key_in(const std::string& file) {
    if (file.empty()) {
        return std::string();
    }
    core::result<std::string> text = read_bounded(file, 4096);
    return text ? text->substr(0, text->find_first_of("\r\n")) : text;
}

core::result<std::string> key_of(const std::string& file,
                                 const std::map<std::string, std::string>& environment) {
    core::result<std::string> said = key_in(file);
    const auto given = environment.find("OLLAMA_API_KEY");
    if (said && said->empty() && given != environment.end()) {
        return given->second;
    }
    return said;
}

}  // namespace corral::cli
