// What runtimes answer: events, documents, lines and polls of every dialect read the same however they are cut, and no
// number in them is more than can be.

#include <memory>

#include "corral/core/stated_number.hpp"
#include "engine/dialects/ax_poll/vendor_protocol.hpp"
#include "engine/dialects/ax_sse/ax_sse_protocol.hpp"
#include "engine/dialects/ollama_remote/remote_protocol.hpp"
#include "engine/dialects/openai_sse/openai_reader.hpp"
#include "engine/dialects/rkllm_flask/flask_protocol.hpp"
#include "engine/dialects/rkllm_gradio/gradio_protocol.hpp"
#include "engine/streaming/embedding_answer.hpp"
#include "engine/streaming/idle_answer.hpp"
#include "engine/streaming/request_fields.hpp"
#include "fuzz_input.hpp"

namespace {

using namespace corral;
using namespace corral::engine;
using namespace corral::engine::streaming;

std::unique_ptr<answer_reader> reader_of(unsigned choice) {
    constexpr std::uint32_t likeliest = 2;
    catalog::runtime_traits traits;
    run_spec what;
    what.top_logprobs = likeliest;
    traits.cumulative = choice / 8 % 2 == 1;
    traits.timings =
        choice / 16 % 2 == 1 ? catalog::timing_source::mindie : catalog::timing_source::llama_cpp;
    switch (choice % 4) {
        case 0:
            return std::make_unique<openai_sse::openai_reader>(traits, likeliest);
        case 1:
            if (traits.cumulative) {
                return std::make_unique<rkllm_gradio::gradio_reader>();
            }
            return std::make_unique<ax_sse::ax_sse_reader>();
        case 2:
            return std::make_unique<rkllm_flask::flask_reader>(traits.cumulative);
        default:
            return ollama_remote::remote_protocol("m", 0).reader(what);
    }
}

void check_span(const std::optional<core::nanoseconds>& span) {
    tests::demand(!span || (span->count() >= 0 && *span <= core::longest_stated), "a time can be");
}

struct heard {
    std::string text;
    std::string tokens;  // whose logprobs were told
    unsigned ends = 0;
    unsigned errors = 0;
    bool failed = false;
    bool operator==(const heard&) const = default;
};

heard read(answer_reader& reader, const std::vector<std::string>& pieces) {
    heard out;
    std::vector<answer_part> parts;
    for (const std::string& piece : pieces) {
        out.failed = out.failed || !reader.feed(piece, parts);
        if (out.failed) {
            break;
        }
    }
    out.failed = out.failed || !reader.finish(parts);
    for (const answer_part& part : parts) {
        if (const auto* text = std::get_if<text_part>(&part)) {
            out.text += text->text;
        } else if (const auto* thinking = std::get_if<thinking_part>(&part)) {
            out.text += thinking->text;
        } else if (const auto* told = std::get_if<logprobs_part>(&part)) {
            for (const chat::token_logprob& each : told->tokens) {
                tests::demand(each.written.logprob <= 0 && each.written.logprob >= -9999, "a chance can be");
                tests::demand(each.written.bytes.size() <= 1024 && each.likeliest.size() <= 2,
                              "a token is bounded");
                out.tokens += each.written.bytes;
            }
        } else if (const auto* usage = std::get_if<usage_part>(&part)) {
            tests::demand(usage->prompt_tokens <= core::most_stated, "a count can be");
            tests::demand(usage->generated_tokens <= core::most_stated, "a count can be");
        } else if (const auto* took = std::get_if<stages_part>(&part)) {
            check_span(took->stages.prefill);
            check_span(took->stages.decode);
        } else if (const auto* error = std::get_if<error_part>(&part)) {
            ++out.errors;
            tests::demand(error->message.size() <= 1U << 20, "a message is bounded");
        } else if (std::holds_alternative<end_part>(part)) {
            ++out.ends;
        }
    }
    return out;
}

// Vectors, of one length where there are any.
std::vector<std::vector<float>> vectors_in(const std::vector<std::string>& pieces, unsigned choice) {
    catalog::embedding_trait how;
    if (choice % 2 == 1) {
        how.vectors = "/embeddings/*";
    }
    const std::size_t texts = choice / 2 % 4 + 1;
    embedding_answer answer(how, texts);
    for (const std::string& piece : pieces) {
        if (answer.feed(piece)) {
            return {};
        }
    }
    auto made = answer.finish();
    if (!made) {
        return {};
    }
    tests::demand(made->vectors.size() == texts, "a vector for each text");
    for (const auto& each : made->vectors) {
        tests::demand(each.size() == made->vectors.front().size() && !each.empty(), "vectors of one length");
    }
    return std::move(made->vectors);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tests::fuzz_input in(data, size);
    const unsigned choice = in.choice();
    tests::cut_plan plan(in);
    const std::string text(in.rest());
    if (choice % 8 >= 4) {
        http::client_reply reply;
        reply.status = choice % 3 == 0 ? 400 : 200;
        reply.body = text;
        (void)ax_poll::control_answer(reply);
        const auto polled = ax_poll::parse_poll(reply);
        tests::demand(!polled || polled->text.size() <= text.size() * 3, "no text comes of nothing");
        (void)says_idle({.target = "/", .pointer = "/*/is_processing", .value = "false"}, text);
        tests::demand(sentence_of_error(text).size() <= 512, "a sentence is bounded");
        return 0;
    }
    tests::demand(vectors_in({text}, choice) == vectors_in(plan.cut(text), choice),
                  "the same vectors however they are cut");
    const auto whole = reader_of(choice);
    const auto cut = reader_of(choice);
    const heard at_once = read(*whole, {text});
    const heard in_pieces = read(*cut, plan.cut(text));
    tests::demand(at_once.failed == in_pieces.failed, "a failure is one however it is cut");
    tests::demand(at_once.failed || at_once == in_pieces, "the same however it is cut");
    return 0;
}
