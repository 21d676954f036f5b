#include "corral/core/reason.hpp"

#include <algorithm>
#include <array>
#include <ostream>
#include <utility>

namespace corral::core {

// `own` is the text without what led to it.
struct reason::body {
    wording says;
    std::vector<reason> values;
    std::vector<reason> led_to;
    std::string own;
    std::string text;
};

namespace {

bool begins_sentence(std::string_view text) {
    return !text.empty() && text.front() >= 'A' && text.front() <= 'Z';
}

}  // namespace

std::string shown_wording(std::string_view text) {
    std::string out;
    walk_wording(
        text, [&](std::string_view part) { out += part; },
        [&](std::string_view place) { out += is_value(place) ? "…" : ""; });
    return out;
}

reason reason::unlisted(std::string words) {
    if (words.empty()) {
        return {};
    }
    std::string own = words;
    return reason(std::make_shared<const body>(body{{}, {}, {}, std::move(own), std::move(words)}));
}

reason::reason(wording says, std::vector<reason> values) {
    std::string text;
    auto value = values.begin();
    walk_wording(
        says.text, [&](std::string_view part) { text += part; },
        [&](std::string_view place) {
            if (is_value(place) && value != values.end()) {
                text += (value++)->text();
            }
        });
    std::string own = text;
    body_ = std::make_shared<const body>(body{says, std::move(values), {}, std::move(own), std::move(text)});
}

reason reason::led_to_by(reason cause) const {
    if (cause.empty() || !body_) {
        return body_ ? *this : cause;
    }
    body next = *body_;
    const std::string_view joint = joint_to(next.text, cause);
    std::string more = cause.text();
    if (joint == " " && next.text.ends_with('.') && more.front() >= 'a' && more.front() <= 'z') {
        more.front() = static_cast<char>(more.front() - 'a' + 'A');
    }
    next.text += joint;
    next.text += more;
    next.led_to.push_back(std::move(cause));
    return reason(std::make_shared<const body>(std::move(next)));
}

// The first cause goes on as the wording says; others, and those of no table, as a sentence or a part of one.
std::string_view reason::joint_to(std::string_view said, const reason& cause) const {
    std::string_view joint;
    walk_wording(
        body_->led_to.empty() ? body_->says.text : std::string_view(), [](std::string_view) {},
        [&](std::string_view place) { joint = is_joint(place) ? place.substr(2, place.size() - 3) : joint; });
    if (joint.empty()) {
        return said.ends_with('.') ? " " : begins_sentence(cause.text()) ? ". " : ", ";
    }
    for (auto left = static_cast<int>(cause.form()); left > 0 && joint.find('|') != std::string_view::npos;
         --left) {
        joint.remove_prefix(joint.find('|') + 1);
    }
    return joint.substr(0, joint.find('|'));
}

const std::string& reason::text() const noexcept {
    static const std::string none;
    return body_ ? body_->text : none;
}

const message* reason::entry() const noexcept {
    return body_ ? body_->says.of : nullptr;
}

std::string_view reason::id() const noexcept {
    return entry() != nullptr ? entry()->id : std::string_view();
}

std::string reason::name() const {
    if (entry() == nullptr) {
        return {};
    }
    return std::string(id()) + (body_->says.key.empty() ? "" : "/") + std::string(body_->says.key);
}

wording reason::outcome() const noexcept {
    if (!body_) {
        return {};
    }
    wording out = body_->says;
    for (auto value = body_->values.begin(); out.outcome.empty() && value != body_->values.end(); ++value) {
        out = value->outcome();
    }
    return out;
}

reason::grammar reason::form() const noexcept {
    const std::string_view text = body_ ? body_->says.text : std::string_view();
    return text.starts_with("{it}")     ? grammar::predicate
           : text.starts_with("{that}") ? grammar::clause
                                        : grammar::other;
}

const std::vector<reason>& reason::led_to() const noexcept {
    static const std::vector<reason> none;
    return body_ ? body_->led_to : none;
}

bool reason::includes(const reason& other) const {
    return *this == other ||
           std::ranges::any_of(led_to(), [&](const reason& each) { return each.includes(other); });
}

std::vector<std::string_view> reason::ids() const {
    std::vector<std::string_view> out;
    const auto add = [&out](std::string_view id) {
        if (!id.empty() && std::ranges::find(out, id) == out.end()) {
            out.push_back(id);
        }
    };
    add(id());
    if (body_) {
        for (const auto* const inner : std::array{&body_->values, &body_->led_to}) {
            for (const reason& each : *inner) {
                std::ranges::for_each(each.ids(), add);
            }
        }
    }
    return out;
}

std::vector<std::string> reason::causes() const {
    std::vector<std::string> out;
    if (body_) {
        out.push_back(body_->own);
        for (const reason& each : body_->led_to) {
            std::ranges::move(each.causes(), std::back_inserter(out));
        }
    }
    return out;
}

std::ostream& operator<<(std::ostream& out, const reason& what) {
    return out << what.text();
}

}  // namespace corral::core
