#include "engine/streaming/embedding_answer.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/core/stated_number.hpp"
#include "corral/core/text.hpp"

namespace corral::engine::streaming {

namespace {

constexpr std::size_t longest_number = 40;  // with its comma and some white space

json_bounds bounds_for(std::size_t texts) {
    json_bounds out;
    out.text = 4096;
    out.document = (std::uint64_t{texts} * most_dimensions + most_dimensions) * longest_number;
    out.all = out.document;
    return out;
}

chat::failure unusable(const core::reason& what) {
    return {chat::failure_kind::runtime_failed, core::say("runtime.protocol/unusable", what)};
}

chat::failure no_list(const std::string& what) {
    return unusable(core::say("runtime.protocol/no-vectors", what));
}

// docs/facts/ollama_wire.md#embeddings.
chat::failure not_finite() {
    return {chat::failure_kind::bad_request, core::say("runtime.protocol/not-finite")};
}

std::vector<std::string_view> way_of(std::string_view pointer) {
    return pointer.empty() ? std::vector<std::string_view>{} : core::split(pointer.substr(1), '/');
}

}  // namespace

embedding_answer::embedding_answer(const catalog::embedding_trait& how, std::size_t texts)
    : vectors_way_(way_of(how.vectors)),
      tokens_way_(way_of(how.tokens)),
      star_(static_cast<std::size_t>(std::ranges::find(vectors_way_, "*") - vectors_way_.begin())),
      texts_(texts),
      scanner_(*this, bounds_for(texts)) {
    result_.vectors.reserve(texts);
}

std::optional<chat::failure> embedding_answer::feed(std::string_view bytes) {
    const auto fed = scanner_.feed(bytes);
    if (!why_ && !fed) {
        why_ = unusable(fed.error().message);
    }
    return why_;
}

embedding_outcome embedding_answer::finish() {
    if (!why_ && !scanner_.between_documents()) {
        why_ = no_list("it was cut off");
    }
    if (!why_ && result_.vectors.size() != texts_) {
        why_ = no_list(std::to_string(result_.vectors.size()) + " vectors for " + std::to_string(texts_) +
                       " texts");
    }
    const auto other_length = [this](const auto& one) {
        return one.size() != result_.vectors.front().size();
    };
    if (!why_ && std::ranges::any_of(result_.vectors, other_length)) {
        why_ = no_list("its vectors have different lengths");
    }
    if (!why_ && result_.vectors.front().empty()) {
        why_ = no_list("its vectors are empty");
    }
    if (why_) {
        return *why_;
    }
    return std::move(result_);
}

void embedding_answer::on_open(bool object) {
    level inner;
    inner.object = object;
    inner.to_vectors = levels_.empty() || next_is_on(vectors_way_, &level::to_vectors);
    inner.to_tokens = levels_.empty() || next_is_on(tokens_way_, &level::to_tokens);
    if (in_vector_) {
        wrong("a vector holds more than numbers");
    }
    const bool is_vector = inner.to_vectors && levels_.size() == vectors_way_.size();
    count_value();
    levels_.push_back(std::move(inner));
    if (is_vector && object) {
        wrong("an object stands where a vector should");
    } else if (is_vector) {
        begin_vector();
    }
}

void embedding_answer::on_close() {
    levels_.pop_back();
    in_vector_ = false;
}

void embedding_answer::on_key(std::string_view name) {
    levels_.back().key.assign(name);
}

void embedding_answer::on_text(std::string_view /*text*/) {
    wrong("a vector holds a text");
}

void embedding_answer::on_word(std::string_view word) {
    if (why_ || levels_.empty()) {
        return;
    }
    if (in_vector_) {
        add_number(word);
    } else if (next_is_on(tokens_way_, &level::to_tokens) && levels_.size() == tokens_way_.size()) {
        const nlohmann::json stated = nlohmann::json::parse(word, nullptr, false);
        result_.prompt_tokens =
            static_cast<std::uint32_t>(core::stated_number(stated, core::most_stated).value_or(0));
    } else if (levels_.size() == vectors_way_.size()) {
        check_index(word);
    }
    count_value();
}

bool embedding_answer::next_is_on(const way& pattern, bool level::*side) const {
    const std::size_t at = levels_.size() - 1;
    const level& now = levels_.back();
    if (!(now.*side) || at >= pattern.size()) {
        return false;
    }
    return now.object ? pattern[at] == now.key : pattern[at] == "*";
}

// The texts' order is given by the place in the array alone.
void embedding_answer::begin_vector() {
    const std::size_t place = levels_[star_].members - 1;
    if (place >= texts_) {
        wrong("it has more vectors than there were texts");
    } else if (place != result_.vectors.size()) {
        wrong("a text has no vector, or several");
    } else {
        in_vector_ = true;
        std::vector<float>& fresh = result_.vectors.emplace_back();
        fresh.reserve(result_.vectors.front().size());
    }
}

void embedding_answer::add_number(std::string_view word) {
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (word == "null" || (error == std::errc::result_out_of_range && end == word.data() + word.size())) {
        why_ = not_finite();  // null is how JSON writers put what is no number
        return;
    }
    if (error != std::errc{} || end != word.data() + word.size()) {
        wrong("a vector holds more than numbers");
        return;
    }
    if (!std::isfinite(value) || std::fabs(value) > static_cast<double>(std::numeric_limits<float>::max())) {
        why_ = not_finite();
        return;
    }
    std::vector<float>& into = result_.vectors.back();
    if (into.size() >= most_dimensions) {
        wrong("a vector has more than " + std::to_string(most_dimensions) + " numbers");
        return;
    }
    into.push_back(static_cast<float>(value));
}

// Some servers number their vectors.
void embedding_answer::check_index(std::string_view word) {
    const level& now = levels_.back();
    if (!now.to_vectors || !now.object || now.key != "index" || star_ + 2 != levels_.size()) {
        return;
    }
    if (word != std::to_string(levels_[star_].members - 1)) {
        wrong("its vectors are not in the order of the texts");
    }
}

void embedding_answer::count_value() {
    if (!levels_.empty()) {
        ++levels_.back().members;
    }
}

void embedding_answer::wrong(const std::string& what) {
    if (!why_) {
        why_ = no_list(what);
    }
}

}  // namespace corral::engine::streaming
