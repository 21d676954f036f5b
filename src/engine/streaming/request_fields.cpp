#include "engine/streaming/request_fields.hpp"

#include <algorithm>
#include <utility>

#include "corral/catalog/placeholders.hpp"
#include "corral/core/json.hpp"
#include "corral/core/keyed_hash.hpp"
#include "corral/core/say.hpp"
#include "corral/core/utf8.hpp"
#include "engine/streaming/event_answer.hpp"

namespace corral::engine::streaming {

namespace {

using nlohmann::json;

constexpr std::size_t longest_sentence = 500;
constexpr std::size_t most_error_body = 256 * 1024;
constexpr std::size_t deepest_error = 16;

bool set_at(json& body, const std::string& pointer, const json& value) {
    if (pointer.empty() || pointer.front() != '/') {
        return false;
    }
    // json_pointer throws on escapes other than ~0 and ~1, and on a way through what is no container; a
    // profile has neither.
    json* at = &body;
    std::size_t from = 1;
    while (true) {
        const std::size_t end = std::min(pointer.find('/', from), pointer.size());
        const std::string key = pointer.substr(from, end - from);
        if (key.empty() || !(at->is_object() || at->is_null())) {
            return false;
        }
        at = &(*at)[key];
        if (end == pointer.size()) {
            *at = value;
            return true;
        }
        from = end + 1;
    }
}

// One line, no markup, cut between characters.
std::string cleaned(std::string_view text) {
    std::string out;
    bool space = false;
    for (const char c : text) {
        if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) {
            space = !out.empty();
            continue;
        }
        if (space) {
            out += ' ';
            space = false;
        }
        out += c;
    }
    out.resize(core::cut_between_characters(out, longest_sentence).size());
    return out;
}

// FastAPI's list of what is wrong in a request: the first, behind its place, which names the value.
std::string first_problem(const json& list) {
    if (!list.is_array() || list.empty() || !list[0].is_object()) {
        return {};
    }
    std::string out;
    if (const auto place = list[0].find("loc"); place != list[0].end() && place->is_array()) {
        for (const json& step : *place) {
            out += out.empty() ? "" : ".";
            out += step.is_string() ? step.get<std::string>() : step.dump();
        }
        out += ": ";
    }
    return cleaned(out + text_in(list[0], "msg"));
}

std::string sentence_of_page(std::string_view body) {
    for (const std::string_view tag : {"h1", "title"}) {
        const std::string open = "<" + std::string(tag) + ">";
        const std::size_t begin = body.find(open);
        const std::size_t end = begin == std::string_view::npos ? begin : body.find('<', begin + open.size());
        if (end != std::string_view::npos) {
            return cleaned(body.substr(begin + open.size(), end - begin - open.size()));
        }
    }
    return {};
}

}  // namespace

core::result<catalog::runtime_traits> expanded_traits(const catalog::model_entry& model) {
    catalog::runtime_traits traits = model.runtime.traits;
    auto name = catalog::expand(traits.model_name, model.variables);
    if (!name) {
        return core::failure{name.error().code, core::say("runtime.profile/model", model.name,
                                                          model.runtime.name, name.error().message)};
    }
    traits.model_name = std::move(*name);
    return traits;
}

core::result<void> add_profile_fields(json& body, const catalog::runtime_traits& traits,
                                      const chat::rendered_prompt& prompt) {
    if (!traits.thinking_switch.empty() && !set_at(body, traits.thinking_switch, prompt.thinking)) {
        return core::make_failure(core::errc::invalid,
                                  core::say("runtime.profile/profile-thinking", traits.thinking_switch));
    }
    for (const auto& [key, text] : traits.extra) {
        json value = json::parse(text, nullptr, false);
        if (value.is_discarded()) {
            return core::make_failure(core::errc::invalid, core::say("runtime.profile/value-profile", key));
        }
        body[key] = std::move(value);
    }
    return {};
}

std::string body_bytes(const json& body) {
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

namespace {

std::string mark_of(std::size_t number) {
    static const core::keyed_hash::key secret = core::keyed_hash::random_key();
    return "image-" + std::to_string(secret[0]) + '-' + std::to_string(secret[1]) + '-' +
           std::to_string(number) + '-';
}

}  // namespace

std::string spliced_body::stand_in(const std::shared_ptr<const chat::image>& image) {
    images_.push_back(image);
    return mark_of(images_.size() - 1);
}

void spliced_body::fill(const json& body, stream_request& to) const {
    to.body = body_bytes(body);
    std::size_t from = 0;
    for (std::size_t which = 0; which < images_.size(); ++which) {
        const std::string mark = mark_of(which);
        const std::size_t at = to.body.find(mark, from);
        if (at == std::string::npos) {
            break;
        }
        to.body.erase(at, mark.size());
        to.inserts.push_back({at, {images_[which], &images_[which]->base64}});
        from = at;
    }
}

std::string single_message(const chat::rendered_prompt& prompt) {
    return prompt.system.empty() ? prompt.turns : prompt.system + "\n\n" + prompt.turns;
}

std::string sentence_of_error(std::string_view body) {
    body = body.substr(0, most_error_body);
    const json answer = core::parse_json(body, {.depth = deepest_error});
    if (!answer.is_object()) {
        return answer.is_string() ? cleaned(answer.get_ref<const std::string&>()) : sentence_of_page(body);
    }
    const json* at = &answer;
    if (const auto error = answer.find("error"); error != answer.end() && !error->is_null()) {
        at = &*error;
    }
    if (at->is_string()) {
        return cleaned(at->get_ref<const std::string&>());
    }
    for (const char* key : {"message", "detail"}) {
        const auto found = at->is_object() ? at->find(key) : at->end();
        if (found != at->end() && found->is_string()) {
            return cleaned(found->get_ref<const std::string&>());
        }
    }
    return at->is_object() && at->contains("detail") ? first_problem((*at)["detail"]) : std::string();
}

}  // namespace corral::engine::streaming
