#include "corral/config/pin_edit.hpp"

#include <optional>

#include "corral/catalog/model_name.hpp"
#include "corral/catalog/toml_section.hpp"
#include "corral/core/say.hpp"

namespace corral::config {

namespace {

constexpr const char* key = "pinned";

std::optional<toml::table> parsed(std::string_view text) {
    catalog::issue_list ignored("manifest");
    return catalog::parse_toml_text(text, ignored);
}

// Where that line (from 1) begins; the end of the text when there are fewer.
std::size_t begin_of_line(std::string_view text, std::size_t line) {
    std::size_t at = 0;
    for (std::size_t now = 1; now < line; ++now) {
        const std::size_t end = text.find('\n', at);
        if (end == std::string_view::npos) {
            return text.size();
        }
        at = end + 1;
    }
    return at;
}

// A new line behind that of the name, indented as that one and with its line end.
std::string with_line(std::string_view text, std::size_t name_line, bool pinned) {
    const std::size_t begin = begin_of_line(text, name_line);
    const std::size_t next = begin_of_line(text, name_line + 1);
    const std::string_view line = text.substr(begin, next - begin);
    const std::string_view blanks = line.substr(0, std::min(line.size(), line.find_first_not_of(" \t")));
    const std::string_view end = line.ends_with("\r\n") ? "\r\n" : "\n";
    std::string out(text.substr(0, next));
    if (!out.ends_with('\n')) {
        out += end;
    }
    out.append(blanks).append(key).append(pinned ? " = true" : " = false").append(end);
    return out.append(text.substr(next));
}

// The word itself; no boolean has a line break, and the columns of toml++ count characters.
std::optional<std::string> with_value(std::string_view text, const toml::source_region& at, bool pinned) {
    const std::string_view before = pinned ? "false" : "true";
    const std::size_t begin = begin_of_line(text, at.begin.line);
    const std::size_t found = text.find(key, begin);
    const std::size_t value = found == std::string_view::npos ? found : text.find(before, found);
    if (value == std::string_view::npos || value >= begin_of_line(text, at.begin.line + 1)) {
        return std::nullopt;
    }
    std::string out(text);
    return out.replace(value, before.size(), pinned ? "true" : "false");
}

core::failure unsure(std::string_view model) {
    return core::make_failure(core::errc::refused, core::say("configuration.pin/manifest-written", model));
}

}  // namespace

core::result<std::string> with_pin(std::string_view text, std::string_view model, bool pinned) {
    auto before = parsed(text);
    const auto name = before ? (*before)["name"].value<std::string>() : std::nullopt;
    if (!name || !catalog::same_model(*name, model)) {
        return core::make_failure(core::errc::not_found,
                                  core::say("configuration.pin/manifest-changed", model));
    }
    const toml::node* const said = before->get(key);
    if (said != nullptr && !said->is_boolean()) {
        return unsure(model);
    }
    if ((said != nullptr ? *said->value<bool>() : false) == pinned) {
        return std::string(text);
    }
    std::optional<std::string> out;
    if (said != nullptr) {
        out = with_value(text, said->source(), pinned);
    } else {
        out = with_line(text, before->get("name")->source().end.line, pinned);
    }
    // Whatever the text looks like: it says the same as before, but for this value.
    auto after = out ? parsed(*out) : std::nullopt;
    before->insert_or_assign(key, pinned);
    return after && *after == *before ? core::result<std::string>(*std::move(out)) : unsure(model);
}

}  // namespace corral::config
