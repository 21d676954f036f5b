#include "answer_format.hpp"

#include <array>
#include <charconv>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/status.hpp>
#include <nlohmann/json.hpp>

namespace corral::http {

namespace {

bool is_connections_own(std::string_view name) {
    using boost::beast::iequals;
    return iequals(name, "Connection") || iequals(name, "Content-Length") ||
           iequals(name, "Transfer-Encoding") || iequals(name, "Date") || iequals(name, "Content-Type");
}

void add_field(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    for (const char letter : value) {
        const auto code = static_cast<unsigned char>(letter);
        out += (code < 0x20 && letter != '\t') || code == 0x7f ? ' ' : letter;
    }
    out += "\r\n";
}

std::string_view reason_of(unsigned status) {
    if (status == 499) {
        return "Client Closed Request";
    }
    return boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
}

}  // namespace

bool never_has_body(unsigned status) noexcept {
    return status < 200 || status == 204 || status == 304;
}

bool asks_to_close(const header_fields& headers) {
    return boost::beast::iequals(headers.find("Connection"), "close");
}

std::string format_head(const response_head& head, const head_facts& facts) {
    std::string out;
    out.reserve(256);
    out += facts.http10 ? "HTTP/1.0 " : "HTTP/1.1 ";
    out += std::to_string(head.status);
    out += ' ';
    out += reason_of(head.status);
    out += "\r\n";
    if (!head.content_type.empty()) {
        add_field(out, "Content-Type", head.content_type);
    }
    for (const auto& [name, value] : head.headers.all()) {
        const bool promises_trailers = boost::beast::iequals(name, "Trailer");
        const bool kept = !promises_trailers || facts.framing == body_framing::chunked;
        if (kept && !is_connections_own(name)) {
            add_field(out, name, value);
        }
    }
    add_field(out, "Date", facts.date);
    if (facts.framing == body_framing::length) {
        add_field(out, "Content-Length", std::to_string(facts.length));
    } else if (facts.framing == body_framing::chunked) {
        add_field(out, "Transfer-Encoding", "chunked");
    }
    if (!facts.keep_alive) {
        add_field(out, "Connection", "close");
    } else if (facts.http10 || boost::beast::iequals(head.headers.find("Connection"), "keep-alive")) {
        add_field(out, "Connection", "keep-alive");
    }
    out += "\r\n";
    return out;
}

std::string chunk_size_line(std::size_t size) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16);
    std::string out(digits.data(), end.ptr);
    out += "\r\n";
    return out;
}

std::string last_chunk(const header_fields& trailers) {
    std::string out("0\r\n");
    for (const auto& [name, value] : trailers.all()) {
        if (!is_connections_own(name)) {
            add_field(out, name, value);
        }
    }
    out += "\r\n";
    return out;
}

std::string_view date_text::at(std::time_t now) {
    if (now != made_for_) {
        static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        std::tm parts{};
        ::gmtime_r(&now, &parts);
        // Not with %a and %b: those follow the locale.
        std::array<char, 32> rest{};
        std::strftime(rest.data(), rest.size(), " %Y %H:%M:%S GMT", &parts);
        std::array<char, 8> day{};
        std::strftime(day.data(), day.size(), ", %d ", &parts);
        text_ = days.at(static_cast<std::size_t>(parts.tm_wday));
        text_ += day.data();
        text_ += months.at(static_cast<std::size_t>(parts.tm_mon));
        text_ += rest.data();
        made_for_ = now;
    }
    return text_;
}

response error_answer(unsigned status, std::string_view text) {
    response out;
    out.status = status;
    out.content_type = "application/json; charset=utf-8";
    const nlohmann::json body{{"error", text}};
    out.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return out;
}

}  // namespace corral::http
