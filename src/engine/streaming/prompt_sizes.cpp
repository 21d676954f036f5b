#include "engine/streaming/prompt_sizes.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

#include <boost/container_hash/hash.hpp>

#include "corral/core/say.hpp"
#include "corral/core/stated_number.hpp"
#include "corral/http/client.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::engine::streaming {

namespace {

constexpr std::size_t most_remembered = 16;
// What a server's own template may add to a text of which each byte is a token at most.
constexpr std::uint64_t template_tokens = 256;
// Beyond so many bytes for each token of the limit a prompt is too long whatever its text is, or as good as; to
// count it would hold everybody up.
constexpr std::uint64_t bytes_in_doubt = 64;
constexpr core::seconds after_failure{60};

text_shape shape_of(const chat::rendered_prompt& prompt) {
    text_shape out;
    out.add(prompt.system);
    out.add(prompt.turns);
    return out;
}

std::size_t bytes_of(const chat::rendered_prompt& prompt) {
    return prompt.system.size() + prompt.turns.size();
}

// What `make` makes of so many bytes, on a thread where they are many. REQUIRES: what it uses outlives the coroutine.
template <typename Make>
core::awaitable<std::invoke_result_t<Make>> beside(core::worker& thread, std::size_t bytes, Make make) {
    constexpr std::size_t few = 64UL * 1024;
    std::optional<std::invoke_result_t<Make>> made;
    std::function<void()> work = [&make, &made] { made.emplace(make()); };
    auto making = core::run_on(bytes > few ? &thread : nullptr, std::move(work));
    co_await std::move(making);
    co_return std::move(*made);
}

// Of a prompt of which the whole is known, its system prompt in proportion.
void divide(prompt_measure& measured, std::uint32_t whole) {
    const double estimated =
        std::max(1.0, static_cast<double>(measured.system_tokens) + measured.turn_tokens);
    measured.system_tokens = static_cast<std::uint32_t>(measured.system_tokens / estimated * whole);
    measured.turn_tokens = whole - measured.system_tokens;
}

}  // namespace

core::awaitable<prompt_sizes::text_look> prompt_sizes::look_at(const chat::rendered_prompt& prompt) {
    auto looking = beside(*thread_, bytes_of(prompt), [&prompt] {
        text_look out;
        out.system.add(prompt.system);
        out.turns.add(prompt.turns);
        out.mark = mark_of(prompt);
        return out;
    });
    co_return co_await std::move(looking);
}

core::awaitable<prompt_measure> prompt_sizes::measure(const chat::rendered_prompt& prompt,
                                                      std::uint32_t limit, core::deadline until) {
    prompt_measure out;
    auto looking = look_at(prompt);
    const text_look seen = co_await std::move(looking);
    out.system_tokens = estimate_.of(seen.system);
    out.turn_tokens = estimate_.of(seen.turns);
    const image_estimate::guess images = images_in(chat::images_of(prompt));
    out.image_tokens = images.tokens;
    if (limit == 0) {
        out.turn_tokens = core::sum_of(out.turn_tokens, images.tokens);
        co_return out;
    }
    const std::uint64_t bytes = most_tokens(prompt);
    std::optional<std::uint32_t> whole = known(seen.mark, chat::images_of(prompt));
    out.exact = whole.has_value();
    if (!whole && bytes > limit && bytes <= limit * bytes_in_doubt) {
        whole = co_await count(prompt, until);
        out.exact = whole && images.exact;
    }
    if (whole) {
        divide(out, *whole - std::min(*whole, images.tokens));
    }
    out.turn_tokens = core::sum_of(out.turn_tokens, images.tokens);
    const std::uint32_t tokens = core::sum_of(out.system_tokens, out.turn_tokens);
    out.fits = tokens <= limit || (!out.exact && bytes <= limit);
    out.limit = limit > out.system_tokens ? limit : 0;
    co_return out;
}

std::uint64_t prompt_sizes::most_tokens(const chat::rendered_prompt& prompt) const {
    return std::uint64_t{prompt.system.size()} + prompt.turns.size() + template_tokens +
           images_in(chat::images_of(prompt)).tokens;
}

core::awaitable<std::optional<std::uint32_t>> prompt_sizes::count(chat::rendered_prompt prompt,
                                                                  core::deadline until) {
    auto looking = look_at(prompt);
    text_look seen = co_await std::move(looking);
    const chat::image_list images = chat::images_of(prompt);
    if (const auto before = known(seen.mark, images)) {
        co_return before;
    }
    std::optional<std::uint32_t> tokens = remembered(seen.mark);
    if (!tokens) {
        tokens = co_await ask(std::move(prompt), until);
        if (tokens) {
            remember(seen.mark, *tokens);
            seen.turns.add(seen.system);
            estimate_.learn(seen.turns, *tokens);
        }
    }
    if (tokens) {
        tokens = core::sum_of(*tokens, images_in(images).tokens);
    }
    co_return tokens;
}

void prompt_sizes::counted(const chat::rendered_prompt& prompt, std::uint32_t tokens, std::uint32_t limit) {
    // What the server's template adds to a short prompt says nothing of its vocabulary.
    constexpr std::uint32_t long_enough = 4;
    const chat::image_list images = chat::images_of(prompt);
    const std::size_t mark = with_images(mark_of(prompt), images);
    const std::uint32_t before = remembered(mark).value_or(0);
    if (tokens > 0 && (parts_.counts_may_be_low ? tokens > before : tokens != before)) {
        remember(mark, tokens);
    }
    if (tokens > 0 && (!images.empty() || (limit > 0 && tokens >= limit / long_enough))) {
        learn(prompt, images, tokens);
    }
}

// Where there are images, what the texts leave is theirs.
void prompt_sizes::learn(const chat::rendered_prompt& prompt, const chat::image_list& images,
                         std::uint32_t tokens) {
    if (images.empty()) {
        estimate_.learn(shape_of(prompt), tokens);
        return;
    }
    const std::uint32_t texts = remembered(mark_of(prompt)).value_or(estimate_.of(shape_of(prompt)));
    const std::uint32_t theirs = tokens > texts ? tokens - texts : 0;
    // Such a count never makes an estimate lower.
    if (!parts_.counts_may_be_low || theirs > images_in(images).tokens) {
        images_.learn(images, theirs);
    }
}

namespace {

constexpr std::uint32_t shortest_context = 16;

bool is_context(std::uint32_t said) {
    return said >= shortest_context && said <= core::most_stated;
}

}  // namespace

void prompt_sizes::note_stated(const stated_sizes& sizes) {
    stated_context_ = is_context(sizes.context) ? sizes.context : stated_context_;
    stated_prompt_ = is_context(sizes.prompt) ? sizes.prompt : stated_prompt_;
}

bool prompt_sizes::refused(const chat::rendered_prompt& prompt, const context_refusal& refusal,
                           std::uint32_t limit) {
    const std::uint32_t before = stated_context_;
    if (is_context(refusal.limit)) {
        stated_context_ = refusal.limit;
    }
    const chat::image_list images = chat::images_of(prompt);
    const std::uint32_t thought = estimated(prompt);
    const bool was_known = known(prompt).has_value();
    if (refusal.tokens > 0 && !refusal.at_least) {
        learn(prompt, images, refusal.tokens);
        remember(with_images(mark_of(prompt), images), refusal.tokens);
        return !was_known || stated_context_ != before;
    }
    // How much too long it is, is unknown: a tenth more than fits, or than was thought.
    const double floor = std::max({refusal.tokens, limit, thought});
    constexpr double clearly_more = 1.1;
    const auto guess = static_cast<std::uint32_t>(std::min<double>(floor * clearly_more, core::most_stated));
    learn(prompt, images, guess);
    remember(with_images(mark_of(prompt), images), guess);
    return true;
}

bool prompt_sizes::unanswered(const chat::rendered_prompt& prompt, std::uint32_t counted,
                              std::uint32_t limit) {
    // A text of code, or of a script that the vocabulary hardly knows, takes so many times what was thought.
    constexpr double most_off = 1.5;
    if (limit == 0) {
        return false;
    }
    const std::optional<std::uint32_t> exactly = counted > 0 ? std::optional(counted) : known(prompt);
    if (exactly ? *exactly <= limit : estimated(prompt) * most_off <= limit) {
        return false;
    }
    // A guess, as for refusals without a count; but nothing is learned from it for other prompts.
    constexpr std::uint32_t part_more = 10;
    const std::uint32_t guess = core::sum_of(limit, limit / part_more + 1);
    remember(with_images(mark_of(prompt), chat::images_of(prompt)), exactly.value_or(guess));
    return true;
}

std::optional<std::uint32_t> prompt_sizes::known(const chat::rendered_prompt& prompt) const {
    if (exact_.empty()) {
        return std::nullopt;
    }
    return known(mark_of(prompt), chat::images_of(prompt));
}

std::optional<std::uint32_t> prompt_sizes::known(std::size_t texts, const chat::image_list& images) const {
    std::optional<std::uint32_t> tokens = remembered(with_images(texts, images));
    if (tokens || images.empty()) {
        return tokens;
    }
    const image_estimate::guess theirs = images_in(images);
    tokens = theirs.exact ? remembered(texts) : std::nullopt;
    return tokens ? std::optional(core::sum_of(*tokens, theirs.tokens)) : std::nullopt;
}

std::uint32_t prompt_sizes::estimated(const chat::rendered_prompt& prompt) const {
    return core::sum_of(estimate_.of(shape_of(prompt)), images_in(chat::images_of(prompt)).tokens);
}

std::uint32_t prompt_sizes::likely(const chat::rendered_prompt& prompt) const {
    const std::optional<std::uint32_t> exactly = known(prompt);
    return exactly ? *exactly : estimated(prompt);
}

std::optional<std::uint32_t> prompt_sizes::remembered(std::size_t mark) const {
    const auto found = std::find_if(exact_.rbegin(), exact_.rend(),
                                    [mark](const exact_size& one) { return one.mark == mark; });
    return found == exact_.rend() ? std::nullopt : std::optional(found->tokens);
}

image_estimate::guess prompt_sizes::images_in(const chat::image_list& images) const {
    return images_.of(images, parts_.image_tokens ? parts_.image_tokens() : 0);
}

std::uint32_t prompt_sizes::context(std::uint32_t configured) const noexcept {
    if (configured == 0 || stated_context_ == 0) {
        return std::max(configured, stated_context_);
    }
    return std::min(configured, stated_context_);
}

void prompt_sizes::forget_server() {
    exact_.clear();
    stated_context_ = 0;
    stated_prompt_ = 0;
    images_ = {};
    asks_again_ = {};
}

std::size_t prompt_sizes::mark_of(const chat::rendered_prompt& prompt) {
    std::size_t out = prompt.verbatim ? 1 : 0;
    boost::hash_combine(out, prompt.thinking);
    boost::hash_combine(out, prompt.system);
    boost::hash_combine(out, prompt.turns);
    return out;
}

std::size_t prompt_sizes::with_images(std::size_t texts, const chat::image_list& images) {
    std::size_t out = texts;
    for (const auto& each : images) {
        boost::hash_combine(out, each->mark);
    }
    return out;
}

void prompt_sizes::remember(std::size_t mark, std::uint32_t tokens) {
    exact_.push_back({mark, tokens});
    if (exact_.size() > most_remembered) {
        exact_.pop_front();
    }
}

core::awaitable<std::optional<std::uint32_t>> prompt_sizes::ask(chat::rendered_prompt prompt,
                                                                core::deadline until) {
    constexpr unsigned most_questions = 2;
    if (parts_.protocol == nullptr || parts_.clock->now() < asks_again_) {
        co_return std::nullopt;
    }
    std::optional<std::string> text;
    for (unsigned asked = 0; asked < most_questions; ++asked) {
        auto writing = beside(*thread_, text ? text->size() : bytes_of(prompt),
                              [&] { return parts_.protocol->size_question(prompt, text); });
        auto question = co_await std::move(writing);
        if (!question) {
            co_return std::nullopt;
        }
        http::client_call call;
        call.to = parts_.at();
        call.kept = parts_.kept;
        call.gone = parts_.gone;
        call.method = "POST";
        call.target = std::move(question->target);
        call.content_type = "application/json";
        call.body = std::move(question->body);
        call.until = core::deadline::after(parts_.call, parts_.clock->now()).sooner(until);
        const auto answer = co_await http::call(std::move(call));
        core::result<size_answer> said = size_answer{};
        if (!answer) {
            said = answer.error();
        } else if (answer->status != 200) {
            said =
                core::make_failure(core::errc::refused, core::say("service.silent/status", answer->status));
        } else {
            auto reading =
                beside(*thread_, answer->body.size(), [&] { return parts_.protocol->size_in(answer->body); });
            said = co_await std::move(reading);
        }
        if (!said && until.passed(parts_.clock->now())) {
            co_return std::nullopt;  // its time was short, which says nothing of the server
        }
        if (!said) {
            asks_again_ = parts_.clock->now() + after_failure;
            telemetry::log().info("{}: the server does not count prompts ({}); sizes are estimated for {} s",
                                  parts_.label, telemetry::printable(said.error().message, 200),
                                  after_failure.count());
            co_return std::nullopt;
        }
        if (said->tokens) {
            co_return said->tokens;
        }
        text = std::move(said->text);
    }
    co_return std::nullopt;
}

}  // namespace corral::engine::streaming
