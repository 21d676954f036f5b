#include "generation/context_fit.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/core/worker.hpp"
#include "generation/prompt_cuts.hpp"
#include "generation/request_preparation.hpp"
#include "generation/turn_cuts.hpp"

namespace corral::generation {

namespace {

// Of a prompt that is too long.
struct part_tokens {
    std::uint32_t system = 0;
    std::uint32_t tools = 0;
    std::uint32_t turns = 0;
};

chat::failure too_long(const engine::prompt_measure& measured, const part_tokens& parts, bool may_shorten) {
    const std::string about = measured.exact ? "" : "about ";
    chat::failure out;
    out.kind = chat::failure_kind::context_too_long;
    const std::string images = measured.image_tokens > 0
                                   ? " with about " + std::to_string(measured.image_tokens) + " of images"
                                   : "";
    const std::string room = measured.limit == 0
                                 ? "its system prompt and tools alone leave no room for a turn"
                                 : "there is room for " + std::to_string(measured.limit);
    // Ollama's words (docs/facts/ollama_wire.md#chat-request), then the numbers.
    out.message =
        core::say("request.too-long", about + std::to_string(measured.system_tokens + measured.turn_tokens),
                  parts.system, parts.tools, parts.turns, images,
                  room + (may_shorten ? "; nothing more can be left out" : ""));
    return out;
}

// No token of any vocabulary is longer, so a text beyond this many bytes a position need not be counted: the
// tokenizer service would work on it for seconds while the lease is held.
constexpr std::size_t longest_token_bytes = 256;

chat::failure measure_failure(const core::failure& why) {
    chat::failure out;
    out.kind = why.code == core::errc::timed_out ? chat::failure_kind::timed_out
                                                 : chat::failure_kind::runtime_failed;
    out.message = core::say("request.no-tokens/measure", why.message);
    out.retryable = why.code != core::errc::refused && why.code != core::errc::invalid;
    return out;
}

// The tokens that a shortened prompt may have, with room for an answer: a quarter of the context, or what was asked for.
double room_of(const engine::prompt_measure& measured, std::uint32_t context, const chat::limits& limits) {
    constexpr std::uint32_t share_of_answer = 4;
    constexpr double clearly_less = 0.8;
    // Where not even the system prompt fits, the limit of the whole is not known.
    const double most = measured.limit > 0 ? measured.limit
                        : context > 0      ? context
                                           : (measured.system_tokens + measured.turn_tokens) * clearly_less;
    const std::uint32_t answer =
        std::min(context / share_of_answer, max_tokens(limits, context).value_or(context));
    return context > 0 ? std::min<double>(most, context - answer) : most;
}

// The bytes of such a prompt, by what `counted` tokens took; in steps, so that the next turn of a conversation is cut
// in the same way.
std::size_t budget_for(double room, std::size_t bytes, std::uint32_t counted) {
    constexpr unsigned bits = 4;
    const double per_token = static_cast<double>(bytes) / std::max(1U, counted);
    return rounded_down(static_cast<std::size_t>(room * per_token), bits);
}

// How a failed render reads to the client.
chat::failure render_failure(const core::failure& why) {
    chat::failure out;
    const bool ours = why.code == core::errc::internal;
    out.kind = ours ? chat::failure_kind::internal : chat::failure_kind::bad_request;
    out.message = ours ? core::say("request.conversation/failed", why.message)
                       : core::say("request.conversation/rendering", why.message);
    return out;
}

chat::failure not_verbatim(const char* what) {
    chat::failure out;
    out.kind = chat::failure_kind::unsupported;
    out.message = core::say("request.template-of-runtime", what);
    return out;
}

}  // namespace

std::optional<chat::failure> surely_too_long(const chat::generation_request& request, std::uint32_t context) {
    constexpr std::size_t usual_token_bytes = 4;
    const std::size_t most = context * longest_token_bytes;
    std::size_t all = request.raw_prompt ? request.raw_prompt->size() : 0;
    const bool turns = !request.raw_prompt && !request.hole && !request.messages.empty();
    if (turns) {
        for (const chat::message& each : request.messages) {
            all += each.content.size();
        }
    }
    const bool may_shorten = turns && request.limits.truncate;
    const std::size_t least = may_shorten ? request.messages.back().content.size() : all;
    if (context == 0 || least <= most) {
        return std::nullopt;
    }
    engine::prompt_measure out;
    out.turn_tokens = static_cast<std::uint32_t>(all / usual_token_bytes);
    out.limit = context;
    return too_long(out, {0, 0, out.turn_tokens}, may_shorten);
}

std::optional<engine::prompt_measure> surely_too_long(const chat::rendered_prompt& prompt,
                                                      std::uint32_t context) {
    constexpr std::size_t usual_token_bytes = 4;
    const std::size_t bytes = prompt.system.size() + prompt.turns.size();
    if (context == 0 || bytes <= context * longest_token_bytes) {
        return std::nullopt;
    }
    engine::prompt_measure out;
    out.system_tokens = static_cast<std::uint32_t>(prompt.system.size() / usual_token_bytes);
    out.turn_tokens = static_cast<std::uint32_t>(prompt.turns.size() / usual_token_bytes);
    out.limit = context;
    out.fits = false;
    return out;
}

boost::system::result<chat::rendered_prompt, chat::failure> render_request(
    const chat::render_options& options, const chat::generation_request& request,
    const std::vector<chat::message>& messages) {
    if (request.raw_prompt || request.hole) {
        if (!options.may_be_verbatim) {
            return not_verbatim(request.raw_prompt ? "a raw prompt" : "a text with a hole");
        }
        if (request.raw_prompt) {
            return chat::render_raw(*request.raw_prompt);
        }
    }
    auto rendered = request.hole ? chat::render_fill_in_middle(options, *request.hole)
                                 : chat::render(options, messages, request.tools, request.thinking);
    if (!rendered) {
        return render_failure(rendered.error());
    }
    return std::move(*rendered);
}

namespace {

using measure_result = core::result<engine::prompt_measure>;
using render_result = boost::system::result<chat::rendered_prompt, chat::failure>;

// render_request(); long ones beside the loop.
core::awaitable<render_result> render(core::worker* elsewhere, const chat::render_options& options,
                                      const chat::generation_request& request,
                                      const std::vector<chat::message>& messages) {
    std::optional<render_result> made;
    std::function<void()> work = [&] { made.emplace(render_request(options, request, messages)); };
    const bool slow = !options.prompt_template.empty() || is_long(request);
    auto rendering = core::run_on(slow ? elsewhere : nullptr, std::move(work), request.client);
    co_await std::move(rendering);
    co_return std::move(*made);
}

core::awaitable<measure_result> measure(const engine::backend& runtime, const chat::rendered_prompt& prompt,
                                        const counting& count) {
    if (const auto sure = surely_too_long(prompt, runtime.facts().context_length)) {
        co_return *sure;
    }
    co_return co_await count(prompt);
}

// What the parts of a prompt take that is refused: the same request is measured without its tools, and a prompt
// in one text without its system messages too. Estimates where that fails.
core::awaitable<part_tokens> measure_parts(engine::backend& runtime, const chat::render_options& options,
                                           const chat::generation_request& request,
                                           const engine::prompt_measure& whole, bool one_text,
                                           const counting& count, core::worker* elsewhere) {
    part_tokens out{whole.system_tokens, 0, whole.turn_tokens};
    const std::uint32_t total = whole.system_tokens + whole.turn_tokens;
    if (request.raw_prompt || request.hole) {
        co_return part_tokens{0, 0, total};
    }
    chat::generation_request less = request;
    std::uint32_t left = total;
    if (request.tools.is_array() && !request.tools.empty()) {
        less.tools = nullptr;
        auto rendering = render(elsewhere, options, less, less.messages);
        const render_result rendered = co_await std::move(rendering);
        if (rendered) {
            const measure_result measured = co_await measure(runtime, *rendered, count);
            const std::uint32_t rest = measured ? measured->system_tokens + measured->turn_tokens : total;
            left = std::min(rest, total);
        }
        out.tools = total - left;
        out.system -= std::min(out.system, out.tools);
    }
    if (!one_text) {
        co_return out;
    }
    const auto removed = std::erase_if(
        less.messages, [](const chat::message& message) { return message.from == chat::role::system; });
    out.system = 0;
    auto rendering = render(elsewhere, options, less, less.messages);
    const render_result rendered = co_await std::move(rendering);
    if (removed > 0 && rendered) {
        const measure_result measured = co_await measure(runtime, *rendered, count);
        const std::uint32_t rest = measured ? measured->system_tokens + measured->turn_tokens : left;
        out.system = left - std::min(rest, left);
    }
    out.turns = left - out.system;
    co_return out;
}

}  // namespace

// A prompt that fits is cut once more where its text turned out to be much lighter than was thought, or so much denser
// that the next turns would not fit.
bool is_far_from(std::size_t budget, std::size_t better) {
    constexpr double denser = 0.85;
    constexpr double lighter = 1.2;
    return static_cast<double>(better) < static_cast<double>(budget) * denser ||
           static_cast<double>(better) > static_cast<double>(budget) * lighter;
}

core::awaitable<fit_result> fit_prompt(engine::backend& runtime, const chat::render_options& options,
                                       const chat::generation_request& request,
                                       const std::vector<chat::message>& messages,
                                       std::optional<chat::rendered_prompt> first, bool may_shorten,
                                       core::deadline until, core::worker* elsewhere, counting count,
                                       turn_summaries* summaries, kept_budgets* kept) {
    if (!count) {
        count = [&runtime, until](const chat::rendered_prompt& prompt) {
            return runtime.measure(prompt, until);
        };
    }
    constexpr unsigned most_rounds = 24;
    constexpr double aim = 0.97;
    constexpr double less_each_round = 0.03;
    chat::render_options form = options;
    std::optional<prompt_cutter> cutter;
    std::optional<fitted_prompt> fits;  // while a better one is looked for
    left_out_turns left_out;
    const std::size_t kept_budget = kept == nullptr ? 0 : kept->find(request);
    const auto remember = [&](const fitted_prompt& one) {
        if (kept != nullptr && one.beginning_budget > 0) {
            kept->note(request, one.beginning_budget);
        }
    };
    for (unsigned round = 0;; ++round) {
        if (!first) {
            auto rendering = cutter ? render(elsewhere, form, cutter->rest(), cutter->rest().messages)
                                    : render(elsewhere, form, request, messages);
            render_result rendered = co_await std::move(rendering);
            if (!rendered) {
                co_return rendered.error();
            }
            first = std::move(*rendered);
        }
        chat::rendered_prompt prompt = std::move(*first);
        first.reset();
        const measure_result measured = co_await measure(runtime, prompt, count);
        if (prompt.verbatim && form.may_be_verbatim && !runtime.facts().takes_verbatim) {
            // Only now it showed that this tokenizer's wrapper can't be taken off.
            form.may_be_verbatim = false;
            continue;
        }
        if (fits && (!measured || !measured->fits)) {
            remember(*fits);
            co_return std::move(*fits);
        }
        if (!measured) {
            co_return measure_failure(measured.error());
        }
        const std::uint32_t tokens = measured->system_tokens + measured->turn_tokens;
        const double room = room_of(*measured, runtime.facts().context_length, request.limits) *
                            std::max(0.1, aim - less_each_round * round);
        const bool verbatim = prompt.verbatim;
        if (measured->fits) {
            const std::size_t better = cutter ? budget_for(room, cutter->bytes(), tokens) : 0;
            fitted_prompt fitted{std::exchange(prompt, {}), cutter ? cutter->cuts() : prompt_cuts{}, left_out,
                                 cutter ? cutter->beginning_budget() : 0};
            if (!cutter || fits || !is_far_from(cutter->budget(), better)) {
                remember(fitted);
                co_return fitted;
            }
            fits = std::move(fitted);
        }
        bool changed = false;
        std::function<void()> work = [&] {
            prompt = {};  // giving back a long one takes milliseconds
            if (may_shorten && !cutter) {
                cutter.emplace(request, summaries, kept_budget);
            }
            if (cutter && round < most_rounds) {
                const std::size_t budget = budget_for(room, cutter->bytes(), tokens);
                changed = fits ? cutter->refit(budget) : cutter->fit(budget);
                left_out = cutter->left_out();
            }
        };
        auto cutting = core::run_on(is_long(request) ? elsewhere : nullptr, std::move(work), request.client);
        co_await std::move(cutting);
        const std::string* const summary =
            left_out.marks.empty() ? nullptr : summaries->find(turn_summaries::share_of(request), left_out);
        if (summary != nullptr) {
            cutter->stand_in(*summary);
            left_out = {};
        }
        if (!changed && fits) {
            remember(*fits);
            co_return std::move(*fits);
        }
        if (!changed) {
            const part_tokens parts = co_await measure_parts(runtime, form, cutter ? cutter->rest() : request,
                                                             *measured, verbatim, count, elsewhere);
            co_return too_long(*measured, parts, may_shorten);
        }
    }
}

}  // namespace corral::generation
