#include "api/models/package_pull.hpp"

#include <algorithm>
#include <utility>

#include "api/json/json_writer.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/core/text.hpp"

namespace corral::api {

namespace {

bool is_hub(std::string_view host) {
    return core::equal_ignoring_case(host, "hf.co") || core::equal_ignoring_case(host, "huggingface.co");
}

std::string error_line(const core::reason& why) {
    json_writer json;
    json.begin_object().member("error", why.text()).end_object();
    return json.take();
}

}  // namespace

std::optional<std::string> pulled_name(std::string_view typed) {
    typed = core::trimmed(typed);
    const auto name = catalog::display_name(typed);
    const auto parts = core::split(typed, '/');
    if (!name || typed.find("://") != std::string_view::npos ||
        (parts.size() > 1 && (parts.size() != 3 || !is_hub(parts.front())))) {
        return std::nullopt;
    }
    constexpr std::string_view latest = ":latest";  // of no repository; clients add it
    if (parts.size() == 3 && typed.ends_with(latest)) {
        typed.remove_suffix(latest.size());
    }
    return std::string(typed);
}

bool may_bring(const api_context& context, std::string_view name) {
    const auto parts = core::split(name, '/');
    return parts.size() != 3 || context.pulls_signed ||
           std::ranges::any_of(context.pull_owners, [&](const std::string& owner) {
               return core::equal_ignoring_case(owner, parts[1]);
           });
}

core::awaitable<std::optional<core::failure>> stream_pull(pull_watch& watch, http::response_writer& out) {
    bool begun = false;
    while (true) {
        auto reading = watch.next();
        core::result<std::optional<std::string>> line = co_await std::move(reading);
        if (!line && line.error().code == core::errc::cancelled) {
            co_return std::nullopt;
        }
        if (!line && !begun) {
            co_return line.error();
        }
        if (!begun) {
            begun = true;
            http::response_head head;
            head.content_type = "application/x-ndjson";
            const core::error_code gone = co_await out.begin(std::move(head));
            if (gone) {
                co_return std::nullopt;
            }
        }
        const bool over = !line || !*line;
        if (line && over) {
            break;
        }
        std::string text = line ? **line : error_line(line.error().message);
        const core::error_code gone = co_await out.write(std::move(text) + "\n");
        if (gone) {
            co_return std::nullopt;
        }
        if (over) {
            break;
        }
    }
    co_await out.finish();
    co_return std::nullopt;
}

}  // namespace corral::api
