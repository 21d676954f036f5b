#include "api/page/page_routes.hpp"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "api/add_header.hpp"
#include "corral/api/page_shelf.hpp"
#include "corral/core/text.hpp"

namespace corral::api {

namespace {

constexpr std::string_view root = "/ui";
constexpr std::string_view below = "/ui/";
constexpr const char* text_type = "text/plain; charset=utf-8";

constexpr std::string_view for_others =
    "Corral is running. This box requires no API keys, so its page is shown only on the box itself.\n\n"
    "To open it from here, either create a key on the box ('corral key new NAME --scope "
    "observe,operate,inference',\n"
    "with the key file named in [access] of corral.toml), or reach the box through a tunnel:\n\n"
    "    ssh -L 11434:127.0.0.1:11434 USER@BOX\n\n"
    "and then open http://127.0.0.1:11434/ui here.\n";

struct field {
    std::string_view name;
    std::string_view value;
};
// The page talks to this server only, and no other page may frame it.
constexpr std::array<field, 6> fences{{
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src "
     "'self'; "
     "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
}};

http::response plain_answer(unsigned status, std::string_view text) {
    http::response out;
    out.status = status;
    out.content_type = text_type;
    for (const field& one : fences) {
        add_header(out.headers, one.name, one.value);
    }
    add_header(out.headers, "Cache-Control", "no-store");
    out.body = text;
    return out;
}

// A list of words and their weights, such as Accept-Encoding: is `word` in it, and not with a weight of 0?
bool accepts(std::string_view list, std::string_view word) {
    for (const std::string_view each : core::split(list, ',')) {
        const auto mark = each.find(';');
        if (!core::equal_ignoring_case(core::trimmed(each.substr(0, mark)), word)) {
            continue;
        }
        std::string weight =
            core::lower_case(mark == std::string_view::npos ? std::string_view() : each.substr(mark + 1));
        std::erase(weight, ' ');
        return !(weight.starts_with("q=0") && weight.find_first_not_of("0.", 2) == std::string::npos);
    }
    return false;
}

bool has_tag(std::string_view list, std::string_view tag) {
    for (std::string_view each : core::split(list, ',')) {
        each = core::trimmed(each);
        each = each.starts_with("W/") ? each.substr(2) : each;
        if (each == "*" || each == tag) {
            return true;
        }
    }
    return false;
}

bool is_compressed(const page_file& file, const http::request& incoming) {
    return !file.gzip.empty() && accepts(incoming.headers.find("Accept-Encoding"), "gzip");
}

std::string_view text_of(const page_file& file, const http::request& incoming) {
    return is_compressed(file, incoming) ? file.gzip : file.plain;
}

// Without its body.
http::response_head head_of(const page_file& file, const http::request& incoming) {
    constexpr unsigned not_modified = 304;
    const bool gzip = is_compressed(file, incoming);
    const std::string tag = "\"" + file.tag + (gzip ? "-gzip" : "") + "\"";
    http::response_head out;
    for (const field& one : fences) {
        add_header(out.headers, one.name, one.value);
    }
    add_header(out.headers, "ETag", tag);
    add_header(out.headers, "Cache-Control", file.lasts ? "public, max-age=31536000, immutable" : "no-cache");
    if (!file.gzip.empty()) {
        add_header(out.headers, "Vary", "Accept-Encoding");
    }
    if (has_tag(incoming.headers.find("If-None-Match"), tag)) {
        out.status = not_modified;
        return out;
    }
    out.content_type = file.content_type;
    if (gzip) {
        add_header(out.headers, "Content-Encoding", "gzip");
    }
    add_header(out.headers, "Content-Length", std::to_string(text_of(file, incoming).size()));
    return out;
}

// Piece by piece: thousands who ask and don't read must not hold a copy of it each.
core::awaitable<void> send_file(const page_file& file, const http::request& incoming,
                                http::response_writer& out) {
    constexpr std::size_t piece = 16UL * 1024;
    http::response_head head = head_of(file, incoming);
    const bool wanted = incoming.method == "GET" && head.headers.contains("Content-Length");
    const std::string_view text = text_of(file, incoming);
    core::error_code failed = co_await out.begin(std::move(head));
    for (std::size_t at = 0; wanted && !failed && at < text.size(); at += piece) {
        std::string part(text.substr(at, piece));
        failed = co_await out.write(std::move(part));
    }
    if (!failed) {
        co_await out.finish();
    }
}

core::awaitable<void> serve_page(const api_context context, const http::request& incoming,
                                 http::response_writer& out) {
    constexpr unsigned forbidden = 403;
    constexpr unsigned not_found = 404;
    constexpr unsigned failed = 500;
    if (context.keys == nullptr && !http::is_local(incoming)) {
        http::response refused = plain_answer(forbidden, for_others);
        co_await out.send(std::move(refused));
        co_return;
    }
    auto reading = context.page->files(context.clock->now());
    const core::result<std::shared_ptr<const page_files>> files = co_await std::move(reading);
    if (!files) {
        http::response refused = plain_answer(failed, "The page can't be read; the log says why.\n");
        co_await out.send(std::move(refused));
        co_return;
    }
    const std::string_view path = incoming.path;
    const auto found = (*files)->find(path == root ? "index.html" : path.substr(below.size()));
    if (found != (*files)->end()) {
        co_await send_file(found->second, incoming, out);
        co_return;
    }
    http::response missing = plain_answer(not_found, "The page has no such file.\n");
    co_await out.send(std::move(missing));
}

}  // namespace

bool is_page(std::string_view path) noexcept {
    return path == root || path.starts_with(below);
}

std::optional<http::response> way_to_page(const api_context& context, const http::request& head) {
    constexpr unsigned found = 302;
    const bool reads = head.method == "GET" || head.method == "HEAD";
    if (context.page == nullptr || !reads || head.path != "/" ||
        !accepts(head.headers.find("Accept"), "text/html")) {
        return std::nullopt;
    }
    http::response out;
    out.status = found;
    add_header(out.headers, "Location", root);
    add_header(out.headers, "Vary", "Accept");
    add_header(out.headers, "Cache-Control", "no-store");
    return out;
}

void add_page_routes(http::router& routes, const api_context& context) {
    if (context.page == nullptr) {
        return;
    }
    for (const char* method : {"GET", "HEAD"}) {
        for (const char* path : {"/ui", "/ui/*"}) {
            routes.add(method, path, [context](const http::request& incoming, http::response_writer& out) {
                return serve_page(context, incoming, out);
            });
        }
    }
}

}  // namespace corral::api
