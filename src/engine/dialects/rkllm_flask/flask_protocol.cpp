#include "engine/dialects/rkllm_flask/flask_protocol.hpp"

#include <algorithm>

#include "corral/core/say.hpp"
#include "engine/streaming/request_fields.hpp"

namespace corral::engine::rkllm_flask {

flask_reader::flask_reader(bool cumulative, streaming::json_bounds bounds)
    : cumulative_(cumulative), scanner_(*this, bounds) {}

core::result<void> flask_reader::feed(std::string_view bytes, std::vector<streaming::answer_part>& out) {
    out_ = &out;
    const auto read = scanner_.feed(bytes);
    out_ = nullptr;
    if (!read) {
        return read.error();
    }
    if (!trouble_.empty()) {
        return core::make_failure(core::errc::protocol, trouble_);
    }
    return {};
}

core::result<void> flask_reader::finish(std::vector<streaming::answer_part>& /*out*/) {
    if (!scanner_.between_documents()) {
        return core::make_failure(core::errc::protocol, core::say("runtime.protocol/runtime-answer"));
    }
    return {};
}

flask_reader::place flask_reader::here() const noexcept {
    return path_.empty() ? place::elsewhere : path_.back();
}

bool flask_reader::is_new() const noexcept {
    return !cumulative_ || choices_ > seen_;
}

void flask_reader::on_open(bool object) {
    place inside = place::elsewhere;
    if (path_.empty()) {
        inside = object ? place::document : place::elsewhere;
    } else if (here() == place::document && key_ == "choices" && !object) {
        inside = place::choices;
        has_choices_ = true;
    } else if (here() == place::choices && object) {
        inside = place::choice;
        ++choices_;
    } else if (here() == place::choice && object && (key_ == "delta" || key_ == "message")) {
        inside = place::message;
    }
    path_.push_back(inside);
}

void flask_reader::on_close() {
    path_.pop_back();
    if (path_.empty()) {
        end_document();
    }
}

void flask_reader::on_key(std::string_view name) {
    key_ = name;
}

bool flask_reader::wants_text() const {
    switch (here()) {
        case place::document:
            return key_ == "status" || key_ == "message";
        case place::choice:
            return key_ == "finish_reason" && is_new();
        case place::message:
            return key_ == "content" && is_new();
        default:
            return false;
    }
}

void flask_reader::on_text(std::string_view text) {
    if (here() == place::document) {
        (key_ == "status" ? status_ : message_) = text;
    } else if (here() == place::message) {
        if (!text.empty()) {
            out_->emplace_back(streaming::text_part{std::string(text)});
        }
    } else {
        using reason = streaming::finish_part::reason;
        const reason why = text == "stop" ? reason::stop : text == "length" ? reason::length : reason::other;
        out_->emplace_back(streaming::finish_part{why, std::string(text)});
    }
}

void flask_reader::on_word(std::string_view /*word*/) {}

void flask_reader::end_document() {
    if (!has_choices_ && status_ == "error") {
        out_->emplace_back(streaming::error_part{.status = 0, .message = message_});
    } else if (!has_choices_) {
        trouble_ = core::say("runtime.protocol/no-choices");
    } else if (cumulative_ && choices_ < seen_) {
        trouble_ = core::say("runtime.protocol/took-back");
    }
    seen_ = choices_;
    choices_ = 0;
    has_choices_ = false;
    status_.clear();
    message_.clear();
    key_.clear();
}

namespace {

// The server hands the text on as a C string, which a NUL would end.
std::string without_nul(std::string text) {
    std::erase(text, '\0');
    return text;
}

}  // namespace

core::result<streaming::stream_request> flask_protocol::request_for(const run_spec& spec) const {
    if (spec.prompt.verbatim) {
        return core::make_failure(core::errc::refused, core::say("request.verbatim/model-takes"));
    }
    nlohmann::json body = nlohmann::json::object();
    body["messages"] = nlohmann::json::array(
        {{{"role", "user"}, {"content", without_nul(streaming::single_message(spec.prompt))}}});
    body["stream"] = traits_.streams;
    if (const auto added = streaming::add_profile_fields(body, traits_, spec.prompt); !added) {
        return added.error();
    }
    return streaming::stream_request{traits_.chat_target, streaming::body_bytes(body), {}};
}

std::unique_ptr<streaming::answer_reader> flask_protocol::reader(const run_spec& /*what*/) const {
    return std::make_unique<flask_reader>(traits_.cumulative);
}

streaming::error_part flask_protocol::error_of(unsigned status, std::string_view body) const {
    const auto& busy = traits_.busy_statuses;
    return {.status = status,
            .message = streaming::sentence_of_error(body),
            .context = std::nullopt,
            .busy = std::find(busy.begin(), busy.end(), status) != busy.end()};
}

core::result<std::unique_ptr<streaming::stream_protocol>> protocol_for(const catalog::model_entry& model) {
    std::unique_ptr<streaming::stream_protocol> made = std::make_unique<flask_protocol>(model.runtime.traits);
    return made;
}

}  // namespace corral::engine::rkllm_flask
