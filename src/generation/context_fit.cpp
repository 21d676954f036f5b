#include "generation/context_fit.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace corral::generation {

namespace {

// The words around a turn count too.
constexpr std::size_t turn_overhead_bytes = 16;

std::size_t turn_bytes(const chat::message& one) {
    if (one.from == chat::role::system) {
        return 0;
    }
    std::size_t sum = one.content.size() + turn_overhead_bytes;
    for (const chat::tool_call& call : one.calls) {
        sum += call.name.size() + call.arguments.dump().size() + turn_overhead_bytes;
    }
    return sum;
}

chat::failure too_long(const engine::prompt_measure& measured, bool may_shorten) {
    const std::string about = measured.exact ? "" : "about ";
    chat::failure out;
    out.kind = chat::failure_kind::context_too_long;
    out.cause = "context-too-long";
    // Ollama's words (docs/facts/ollama_wire.md#chat-request), then the numbers.
    out.message =
        "the prompt is longer than the context length currently available to the model; shorten the prompt, "
        "adjust the context length in settings, or use a model with a longer context length (";
    if (measured.limit == 0) {
        out.message += "the system text is " + about + std::to_string(measured.system_tokens) +
                       " tokens long, which leaves no room for a turn)";
        return out;
    }
    out.message += "it is " + about + std::to_string(measured.system_tokens + measured.turn_tokens) +
                   " tokens long, and there is room for " + std::to_string(measured.limit);
    if (may_shorten) {
        out.message += "; its newest turn can't be shortened";
    }
    out.message += ')';
    return out;
}

// No token of any vocabulary is longer, so a text beyond this many bytes a position need not be counted: the
// tokenizer service would work on it for seconds while the lease is held.
constexpr std::size_t longest_token_bytes = 256;

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

chat::failure measure_failure(const core::failure& why) {
    chat::failure out;
    out.kind = why.code == core::errc::timed_out ? chat::failure_kind::timed_out
                                                 : chat::failure_kind::runtime_failed;
    out.cause = "measure-failed";
    out.message = why.message;
    out.retryable = why.code != core::errc::refused && why.code != core::errc::invalid;
    return out;
}

// The part of the turns that fits; smaller with each round, in case the text left is denser than the text
// that went.
double wanted_share(const engine::prompt_measure& measured, unsigned round) {
    const double room = measured.limit > measured.system_tokens ? measured.limit - measured.system_tokens : 0;
    const double turns = std::max<double>(1, measured.turn_tokens);
    return room / turns * std::max(0.0, 1.0 - 0.1 * round);
}

// How a failed render reads to the client.
chat::failure render_failure(const core::failure& why) {
    chat::failure out;
    const bool ours = why.code == core::errc::internal;
    out.kind = ours ? chat::failure_kind::internal : chat::failure_kind::bad_request;
    out.cause = ours ? "render-failed" : "render-refused";
    out.message = why.message;
    return out;
}

// An answer that the model shall go on with is no turn of its own.
bool shorten(std::vector<chat::message>& messages, double share) {
    std::optional<chat::message> begun;
    if (messages.back().from == chat::role::assistant) {
        begun = std::move(messages.back());
        messages.pop_back();
    }
    const bool shorter = drop_to_share(messages, share);
    if (begun) {
        messages.push_back(std::move(*begun));
    }
    return shorter;
}

chat::failure not_verbatim(const char* what) {
    chat::failure out;
    out.kind = chat::failure_kind::unsupported;
    out.cause = "no-verbatim-prompts";
    out.message = std::string("this runtime can't take ") + what +
                  ": it wraps every prompt in a chat template of its own";
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
    return too_long(out, may_shorten);
}

boost::system::result<chat::rendered_prompt, chat::failure> render_request(
    const chat::render_options& how, const chat::generation_request& request,
    const std::vector<chat::message>& messages) {
    if (request.raw_prompt || request.hole) {
        if (!how.may_be_verbatim) {
            return not_verbatim(request.raw_prompt ? "a raw prompt" : "a text with a hole");
        }
        if (request.raw_prompt) {
            return chat::render_raw(*request.raw_prompt);
        }
    }
    auto rendered = request.hole ? chat::render_fill_in_middle(how, *request.hole)
                                 : chat::render(how, messages, request.tools, request.thinking);
    if (!rendered) {
        return render_failure(rendered.error());
    }
    return std::move(*rendered);
}

bool drop_to_share(std::vector<chat::message>& messages, double share) {
    std::size_t left = 0;
    for (const chat::message& each : messages) {
        left += turn_bytes(each);
    }
    const double wanted = static_cast<double>(left) * share;
    return chat::drop_oldest_turns(messages, [&](const chat::message& gone) {
        left -= turn_bytes(gone);
        return static_cast<double>(left) > wanted;
    });
}

core::awaitable<fit_result> fit_prompt(engine::backend& runtime, const chat::render_options& how,
                                       const chat::generation_request& request,
                                       const std::vector<chat::message>& messages,
                                       std::optional<chat::rendered_prompt> first, bool may_shorten,
                                       core::deadline until) {
    chat::render_options form = how;
    std::optional<std::vector<chat::message>> fewer;
    may_shorten = may_shorten && !request.raw_prompt && !request.hole;
    for (unsigned round = 0;; ++round) {
        if (!first) {
            auto rendered = render_request(form, request, fewer ? *fewer : messages);
            if (!rendered) {
                co_return rendered.error();
            }
            first = std::move(*rendered);
        }
        chat::rendered_prompt prompt = std::move(*first);
        first.reset();
        core::result<engine::prompt_measure> measured = engine::prompt_measure{};
        if (const auto sure = surely_too_long(prompt, runtime.context_length())) {
            measured = *sure;
        } else {
            measured = co_await runtime.measure(prompt, until);
        }
        if (prompt.verbatim && form.may_be_verbatim && !runtime.takes_verbatim()) {
            // Only now it showed that this tokenizer's wrapper can't be taken off.
            form.may_be_verbatim = false;
            continue;
        }
        if (!measured) {
            co_return measure_failure(measured.error());
        }
        if (measured->fits) {
            co_return fitted_prompt{std::move(prompt), fewer ? messages.size() - fewer->size() : 0};
        }
        if (may_shorten && !fewer) {
            fewer = messages;
        }
        if (!may_shorten || !shorten(*fewer, wanted_share(*measured, round))) {
            co_return too_long(*measured, may_shorten);
        }
    }
}

}  // namespace corral::generation
