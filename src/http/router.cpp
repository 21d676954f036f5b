#include "corral/http/router.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace corral::http {

namespace {

// How well `pattern` fits: 0 not at all; an exact path before the longest beginning.
std::size_t fit(std::string_view pattern, std::string_view path) {
    if (pattern == path) {
        return std::string_view::npos;
    }
    if (!pattern.ends_with("/*")) {
        return 0;
    }
    pattern.remove_suffix(1);
    const bool fits = path.size() > pattern.size() && path.starts_with(pattern) &&
                      path.find('/', pattern.size()) == std::string_view::npos;
    return fits ? pattern.size() : 0;
}

std::string allow_list(std::vector<std::string> methods) {
    static constexpr std::array<std::string_view, 4> order{"HEAD", "GET", "POST", "DELETE"};
    const auto rank = [](const std::string& method) {
        return std::find(order.begin(), order.end(), method) - order.begin();
    };
    std::stable_sort(methods.begin(), methods.end(),
                     [&](const std::string& a, const std::string& b) { return rank(a) < rank(b); });
    std::string out;
    for (const std::string& method : methods) {
        out += out.empty() ? "" : ", ";
        out += method;
    }
    return out;
}

response plain_answer(unsigned status, std::string text) {
    response out;
    out.status = status;
    out.content_type = "text/plain";
    out.body = std::move(text);
    return out;
}

}  // namespace

void router::add(std::string method, std::string path, handler serve) {
    routes_.push_back({std::move(method), std::move(path), std::move(serve)});
}

void router::refuse_below(std::string prefix, refuser refuse) {
    refusers_.emplace_back(std::move(prefix), std::move(refuse));
}

response router::refusal(std::string_view path, unsigned status) const {
    for (const auto& [prefix, refuse] : refusers_) {
        if (path.starts_with(prefix)) {
            return refuse(status);
        }
    }
    constexpr unsigned unknown = 404;
    return plain_answer(status, status == unknown ? "404 page not found" : "405 method not allowed");
}

std::string router::allowed(std::string_view path) const {
    std::size_t best = 1;
    std::vector<std::string> methods;
    for (const route& one : routes_) {
        const std::size_t quality = fit(one.path, path);
        if (quality > best) {
            best = quality;
            methods.clear();
        }
        if (quality == best) {
            methods.push_back(one.method);
        }
    }
    return allow_list(std::move(methods));
}

core::awaitable<void> router::serve(request& incoming, response_writer& out) const {
    std::size_t best = 0;
    const route* chosen = nullptr;
    std::vector<std::string> methods;
    for (const route& one : routes_) {
        const std::size_t quality = fit(one.path, incoming.path);
        if (quality == 0 || quality < best) {
            continue;
        }
        if (quality > best) {
            best = quality;
            chosen = nullptr;
            methods.clear();
        }
        methods.push_back(one.method);
        if (one.method == incoming.method) {
            chosen = &one;
        }
    }
    if (chosen != nullptr) {
        co_await chosen->serve(incoming, out);
        co_return;
    }
    response whole = refusal(incoming.path, best == 0 ? 404 : 405);
    if (best != 0) {
        whole.headers.add("Allow", allow_list(std::move(methods)));
    }
    // An error means that the client went; the server sees that itself.
    const core::error_code ignored = co_await out.send(std::move(whole));
    static_cast<void>(ignored);
}

}  // namespace corral::http
