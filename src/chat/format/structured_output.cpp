#include "corral/chat/structured_output.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "chat/format/schema_plan.hpp"
#include "chat/json/json_repair.hpp"
#include "chat/json/json_search.hpp"
#include "corral/core/say.hpp"

namespace corral::chat {

namespace {

// Steps of checking one answer; a step is well below a microsecond.
constexpr std::size_t check_budget = 400'000;

// A value without brackets around it.
std::optional<nlohmann::json> read_scalar(std::string_view text) {
    constexpr std::size_t longest = 1024 * 1024;
    if (text.empty() || text.size() > longest || text.front() == '{' || text.front() == '[') {
        return std::nullopt;
    }
    auto value = nlohmann::json::parse(text, nullptr, false);
    if (value.is_discarded() || value.is_structured()) {
        return std::nullopt;
    }
    return std::make_optional(std::move(value));
}

}  // namespace

struct format_plan::state {
    std::optional<schema_plan> schema;  // none: any object or array
    std::string schema_text;
    std::set<std::string> unchecked;

    // Nothing when `value` is what was wanted.
    [[nodiscard]] std::optional<std::string> violation(const nlohmann::json& value,
                                                       std::size_t& budget) const {
        if (schema) {
            return chat::violation(*schema, value, budget);
        }
        return value.is_structured() ? std::nullopt
                                     : std::optional<std::string>("$: expected an object or an array");
    }
};

format_plan::format_plan(std::shared_ptr<const state> made) : state_(std::move(made)) {}

const std::set<std::string>& format_plan::unchecked() const noexcept {
    return state_->unchecked;
}

core::result<format_plan> format_plan::make(const nlohmann::ordered_json& wanted, schema_rule rule) {
    auto made = std::make_shared<state>();
    if (wanted == "json") {
        return format_plan(std::move(made));
    }
    if (!wanted.is_object()) {
        return core::make_failure(core::errc::refused, core::say("request.format-schema/format-must"));
    }
    core::result<schema_plan> schema =
        plan_schema(wanted, rule == schema_rule::checked_whole ? nullptr : &made->unchecked);
    if (!schema) {
        return schema.error();
    }
    made->schema = std::move(*schema);
    made->schema_text = wanted.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    return format_plan(std::move(made));
}

std::string format_plan::instruction(bool may_call) const {
    std::string out = may_call ? "If you call no function, answer " : "Answer ";
    if (!state_->schema) {
        out += "with valid JSON only, one object or array, and nothing before or after it.";
        return out;
    }
    out +=
        "with JSON only, and nothing before or after it. The JSON must be a value that fits this JSON Schema "
        "(not the schema itself):\n";
    out += state_->schema_text;
    return out;
}

std::string format_plan::correction(std::string_view violation) {
    std::string out = "This answer is not right: ";
    out += violation;
    out += "\nAnswer again, with the corrected JSON only.";
    return out;
}

// What is there of a value.
struct format_reader::state {
    std::shared_ptr<const format_plan::state> plan;
    std::size_t begun = 0;  // bytes of `text` that were there before
    std::string text;
    json_watch watch;
    std::optional<json_place> fitting;
    std::size_t budget = check_budget;
    std::string first_violation;

    // Whether `value` is what was wanted; else why not is remembered.
    bool fits(const nlohmann::json& value) {
        std::optional<std::string> wrong = plan->violation(value, budget);
        if (wrong && first_violation.empty()) {
            first_violation = std::move(*wrong);
        }
        return !wrong;
    }
    bool fits_exactly(std::string_view part) {
        if (const auto tree = read_bounded_json(part)) {
            return fits(nlohmann::json(*tree));
        }
        const auto scalar = read_scalar(part);
        return scalar && fits(*scalar);
    }
    // A value that ends before what the model wrote is not its answer.
    bool is_news(const json_place& place) const { return place.from + place.length > begun; }

    // Without a schema any brackets would do, so only those count that the answer begins with.
    bool may_be_early(const json_place& place) const {
        const std::string_view before = std::string_view(text).substr(0, place.from);
        const bool nothing_before = before.find_first_not_of(" \t\r\n") == std::string_view::npos;
        return is_news(place) &&
               (plan->schema.has_value() || nothing_before || before.ends_with("```json\n"));
    }
    void look() {
        while (!fitting && watch.look(text)) {
            const json_place place = watch.found();
            if (may_be_early(place) &&
                fits_exactly(std::string_view(text).substr(place.from, place.length))) {
                fitting = place;
            }
        }
    }
    // The part of the value that the model wrote.
    std::string answer(const json_place& place) const {
        const std::size_t from = std::max(place.from, begun);
        return text.substr(from, place.from + place.length - from);
    }
    std::optional<std::string> repaired(bool cut) {
        constexpr std::size_t longest = 256 * 1024;
        constexpr std::size_t most_tries = 4;
        std::vector<json_place> places = json_places(text);
        places.resize(std::min(places.size(), most_tries));
        for (const json_place& place : places) {
            std::size_t from = place.from;
            if (place.length > 0 && text[from] != '{' && text[from] != '[') {
                from = std::min(text.find_first_of("{[", from), place.from + place.length);
            }
            const std::string_view part =
                std::string_view(text).substr(from, place.from + place.length - from);
            if (from < begun || part.empty() || part.size() > longest) {
                continue;
            }
            const auto made = repair_json(part, cut ? text_end::maybe_cut : text_end::certain);
            if (made && made->values.size() == 1 && fits_exactly(made->values.front())) {
                return made->values.front();
            }
        }
        return std::nullopt;
    }
    std::string why_not() const {
        if (!first_violation.empty()) {
            return first_violation;
        }
        return text.find_first_of("{[", begun) == std::string::npos
                   ? "$: there is no JSON in the answer"
                   : "$: the JSON in the answer is broken or not complete";
    }
};

format_reader::format_reader(const format_plan& plan, std::string begun) : state_(std::make_unique<state>()) {
    state_->plan = plan.state_;
    state_->begun = begun.size();
    state_->text = std::move(begun);
}

format_reader::~format_reader() = default;
format_reader::format_reader(format_reader&&) noexcept = default;
format_reader& format_reader::operator=(format_reader&&) noexcept = default;

void format_reader::feed(std::string_view piece) {
    if (!state_->fitting) {
        state_->text += piece;
        state_->look();
    }
}

bool format_reader::complete() const noexcept {
    return state_->fitting.has_value();
}

std::string_view format_reader::written() const noexcept {
    return std::string_view(state_->text).substr(state_->begun);
}

core::result<std::string> format_reader::finish(bool cut) {
    state& now = *state_;
    if (now.fitting) {
        return now.answer(*now.fitting);
    }
    now.first_violation.clear();
    now.budget = check_budget;
    for (const json_place& place : json_places(now.text)) {
        const std::string_view part = std::string_view(now.text).substr(place.from, place.length);
        if (now.is_news(place) && now.fits_exactly(part)) {
            return now.answer(place);
        }
    }
    if (std::optional<std::string> repaired = now.repaired(cut)) {
        return std::move(*repaired);
    }
    return core::make_failure(core::errc::invalid, core::reason::unlisted(now.why_not()));
}

}  // namespace corral::chat
