#include "chat/go_template/value.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "chat/json/json_text.hpp"
#include "corral/core/text.hpp"

namespace corral::chat::go_template {

namespace {

// "ToolCalls" and "tool_calls" are one name to a template.
bool same_name(std::string_view go, std::string_view wire) {
    std::size_t at = 0;
    for (const char c : wire) {
        if (c == '_') {
            continue;
        }
        if (at == go.size() || core::lower_case(go[at]) != core::lower_case(c)) {
            return false;
        }
        ++at;
    }
    return at == go.size();
}

const std::shared_ptr<const json>& nothing() {
    static const auto nil = std::make_shared<const json>();
    return nil;
}

// Members are kept in a row, so that their iterators take offsets; those of json itself don't.
const json::object_t::value_type& nth_member(const json& object, std::size_t at) {
    return *(object.get_ref<const json::object_t&>().begin() + static_cast<std::ptrdiff_t>(at));
}

std::string printed_real(double number) {
    std::array<char, 64> room{};
    const double size = std::fabs(number);
    const bool plain = size == 0 || (size >= 1e-4 && size < 1e21);
    const auto done = std::to_chars(room.data(), room.data() + room.size(), number,
                                    plain ? std::chars_format::fixed : std::chars_format::scientific);
    return std::string(room.data(), done.ptr);
}

}  // namespace

value::value() : value(nothing()) {}

value::value(json data) : value(std::make_shared<const json>(std::move(data))) {}

value::value(std::shared_ptr<const json> data)
    : data_(std::move(data)), to_(data_->is_array() ? data_->size() : 0) {}

value value::of(const json& data) {
    return value(std::shared_ptr<const json>(std::shared_ptr<const json>{}, &data));
}

std::optional<std::int64_t> value::whole_number() const {
    if (!data_->is_number_integer()) {
        return std::nullopt;
    }
    return data_->get<std::int64_t>();
}

const char* value::kind() const {
    return is_list() ? "list" : is_map() ? "map" : data_->type_name();
}

bool value::truth() const {
    if (is_boolean()) {
        return data_->get<bool>();
    }
    if (is_number()) {
        return number() != 0;
    }
    return size() > 0;
}

std::size_t value::size() const {
    if (is_list()) {
        return to_ - from_;
    }
    if (is_text()) {
        return text().size();
    }
    return is_map() ? data_->size() : 0;
}

value value::element(std::size_t at) const {
    const json* const found =
        is_map() ? &nth_member(*data_, at).second : &data_->get_ref<const json::array_t&>()[from_ + at];
    return value(std::shared_ptr<const json>(data_, found));
}

const std::string& value::key(std::size_t at) const {
    return nth_member(*data_, at).first;
}

value value::member(std::string_view name) const {
    if (!is_map()) {
        return {};
    }
    const json* found = nullptr;
    for (const auto& [key, each] : data_->items()) {
        if (key == name) {
            found = &each;
            break;
        }
        if (found == nullptr && same_name(name, key)) {
            found = &each;
        }
    }
    return found == nullptr ? value() : value(std::shared_ptr<const json>(data_, found));
}

value value::part(std::size_t from, std::size_t to) const {
    value out = *this;
    out.from_ = from_ + from;
    out.to_ = from_ + to;
    return out;
}

json value::whole() const {
    if (!is_list() || size() == data_->size()) {
        return *data_;
    }
    json out = json::array();
    for (std::size_t at = from_; at < to_; ++at) {
        out.push_back((*data_)[at]);
    }
    return out;
}

std::string printed(const value& what) {
    if (what.is_nil()) {
        return {};
    }
    if (what.is_text()) {
        return what.text();
    }
    if (what.is_number() && !what.whole_number()) {
        return printed_real(what.number());
    }
    return json_of(what);
}

std::string json_of(const value& what) {
    if (what.is_list()) {
        std::string out = "[";
        for (std::size_t at = 0; at < what.size(); ++at) {
            out += at == 0 ? "" : ", ";
            out += json_of(what.element(at));
        }
        return out + "]";
    }
    return spaced_json(what.whole());
}

}  // namespace corral::chat::go_template
