#include "engine/streaming/embedding_call.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "corral/core/say.hpp"
#include "corral/core/stated_number.hpp"
#include "corral/core/text.hpp"
#include "corral/core/utf8.hpp"
#include "corral/http/reply_stream.hpp"
#include "corral/telemetry/log.hpp"
#include "engine/streaming/embedding_answer.hpp"
#include "engine/streaming/request_fields.hpp"

namespace corral::engine::streaming {

namespace {

using nlohmann::json;

constexpr std::size_t longest_refusal = 64 * 1024;
constexpr unsigned most_cuts = 24;
constexpr std::size_t token_bytes = 4;            // as texts usually are
constexpr std::size_t longest_token_bytes = 256;  // no vocabulary has longer ones

chat::failure failed(chat::failure_kind kind, core::reason message, bool retryable = false) {
    chat::failure out;
    out.kind = kind;
    out.message = std::move(message);
    out.retryable = retryable;
    return out;
}

// docs/facts/ollama_wire.md#embeddings.
chat::failure too_long() {
    return failed(chat::failure_kind::context_too_long, core::say("request.vectors-too-long"));
}

chat::failure no_answer(const core::failure& why, bool late) {
    if (why.code == core::errc::cancelled) {
        return failed(chat::failure_kind::cancelled, core::say("request.vectors-cancelled/request"));
    }
    if (late) {
        return failed(chat::failure_kind::timed_out, core::say("request.took-too-long"));
    }
    const bool silent = why.code == core::errc::timed_out;
    telemetry::warn(why.message, "embedding: {}", telemetry::printable(why.message));
    return failed(chat::failure_kind::runtime_failed,
                  silent ? core::say("runtime.hung/vectors") : core::say("runtime.hung/did"), true);
}

chat::failure refusal_of(const error_part& said) {
    constexpr unsigned unprocessable = 422;
    constexpr unsigned not_supported = 501;
    constexpr unsigned first_of_server = 500;
    const std::string words =
        said.message.empty() ? "." : ": " + telemetry::printable(said.message, 300) + ".";
    if (said.context) {
        return too_long();
    }
    if (said.busy || said.status == 503 || said.status == 429) {
        return failed(chat::failure_kind::unavailable, core::say("runtime.refused/model", words), true);
    }
    if (said.status == not_supported) {
        telemetry::warn(core::say("runtime.refused/no-embeddings"));
        return no_embeddings();
    }
    if (said.status == 400 || said.status == unprocessable) {
        return failed(chat::failure_kind::bad_request, core::say("runtime.refused/program", words));
    }
    return failed(chat::failure_kind::runtime_failed,
                  core::say("runtime.not-run/runtime", said.status, words), said.status >= first_of_server);
}

std::uint32_t tokens_in(const std::vector<std::string>& texts) {
    std::size_t bytes = 0;
    for (const std::string& each : texts) {
        bytes += each.size();
    }
    return static_cast<std::uint32_t>(
        std::min<std::size_t>(bytes / token_bytes + texts.size(), core::most_stated));
}

// What was too long, and by how much.
struct refused_texts {
    chat::failure why;
    double share = 1;
};
using call_outcome = boost::system::result<embedding_result, refused_texts>;

class asker {
public:
    asker(embedding_server server, embedding_order order)
        : server_(std::move(server)), what_(std::move(order)) {}

    core::awaitable<embedding_outcome> all() {
        if (what_.truncate && server_.context > 0) {
            for (std::string& each : what_.texts) {
                each.resize(core::cut_between_characters(each, server_.context * longest_token_bytes).size());
            }
        }
        call_outcome made = co_await call(what_.texts);
        if (made) {
            co_return std::move(*made);
        }
        if (!may_cut(made.error())) {
            co_return made.error().why;
        }
        embedding_result out;
        for (std::string& each : what_.texts) {
            const double share = what_.texts.size() == 1 ? made.error().share : 1;
            embedding_outcome one = co_await one_text(std::move(each), share);
            if (!one) {
                co_return one;
            }
            out.vectors.push_back(std::move(one->vectors.front()));
            out.prompt_tokens = core::sum_of(out.prompt_tokens, one->prompt_tokens);
        }
        const auto other = [&](const auto& each) { return each.size() != out.vectors.front().size(); };
        if (std::ranges::any_of(out.vectors, other)) {
            co_return failed(chat::failure_kind::runtime_failed, core::say("runtime.protocol/vectors"));
        }
        co_return out;
    }

private:
    [[nodiscard]] bool may_cut(const refused_texts& why) const {
        return what_.truncate && server_.how.truncate.empty() && is(why.why, "text-too-long");
    }

    core::awaitable<embedding_outcome> one_text(std::string text, double share) {
        for (unsigned cut = 0; cut < most_cuts; ++cut) {
            if (share < 1) {
                text = shortened(text, share);
            }
            if (text.empty()) {
                break;
            }
            std::vector<std::string> alone{text};
            call_outcome made = co_await call(std::move(alone));
            if (made) {
                co_return std::move(*made);
            }
            if (!may_cut(made.error())) {
                co_return made.error().why;
            }
            share = made.error().share;
        }
        co_return too_long();
    }

    [[nodiscard]] std::string body_of(const std::vector<std::string>& texts) const {
        json body = json::object();
        if (!server_.model.empty()) {
            body["model"] = server_.model;
        }
        body["input"] = texts;
        if (!server_.how.truncate.empty()) {
            body[server_.how.truncate] = what_.truncate;
        }
        return body_bytes(body);
    }

    core::awaitable<call_outcome> call(std::vector<std::string> texts) {
        http::stream_call ask;
        ask.to = server_.at;
        ask.host = server_.host;
        ask.kept = server_.kept;
        ask.gone = server_.gone;
        ask.target = server_.how.target;
        ask.headers = server_.headers;
        ask.body = body_of(texts);
        ask.until = core::deadline::after(server_.patience(tokens_in(texts)), server_.clock->now())
                        .sooner(what_.until);
        auto opened = co_await http::reply_stream::open(std::move(ask));
        if (!opened) {
            co_return refused_texts{no_answer(opened.error(), is_late())};
        }
        http::reply_stream& answer = **opened;
        if (answer.status() != 200) {
            const core::deadline soon = stall_limit();
            const auto body = co_await http::read_all(answer, longest_refusal, soon);
            if (!body && is_late()) {
                co_return refused_texts{no_answer(body.error(), true)};
            }
            const error_part said = server_.error_of(answer.status(), body ? std::string_view(*body) : "");
            chat::failure why = refusal_of(said);
            why.retry_after = answer.retry_after();
            co_return refused_texts{std::move(why), fitting_share(said.message)};
        }
        embedding_answer reader(server_.how, texts.size());
        while (true) {
            const core::deadline soon = stall_limit();
            const auto bytes = co_await answer.read(soon);
            if (!bytes) {
                co_return refused_texts{no_answer(bytes.error(), is_late())};
            }
            if (bytes->empty()) {
                break;
            }
            if (auto why = reader.feed(*bytes)) {
                co_return refused_texts{*std::move(why)};
            }
        }
        embedding_outcome made = reader.finish();
        if (!made) {
            co_return refused_texts{made.error()};
        }
        co_return std::move(*made);
    }

    // The request's own time is over, which says nothing of the server.
    [[nodiscard]] bool is_late() const { return what_.until.passed(server_.clock->now()); }
    [[nodiscard]] core::deadline stall_limit() const {
        return core::deadline::after(server_.stall, server_.clock->now()).sooner(what_.until);
    }

    embedding_server server_;
    embedding_order what_;
};

}  // namespace

core::awaitable<embedding_outcome> embed_texts(embedding_server server, embedding_order order) {
    asker asks(std::move(server), std::move(order));
    embedding_outcome made = co_await asks.all();
    co_return made;
}

double fitting_share(std::string_view refusal) {
    constexpr double otherwise = 0.75;
    constexpr double margin = 0.97;  // the beginning of a text may have more tokens than its share
    constexpr std::uint64_t most = 1'000'000'000;
    std::uint64_t least_said = 0;
    std::uint64_t most_said = 0;
    for (std::size_t at = 0; at < refusal.size();) {
        std::uint64_t number = 0;
        const std::size_t begin = at;
        while (at < refusal.size() && core::is_digit(refusal[at])) {
            number = std::min(number * 10 + static_cast<unsigned>(refusal[at] - '0'), most);
            ++at;
        }
        if (at == begin) {
            ++at;
            continue;
        }
        least_said = least_said == 0 ? number : std::min(least_said, number);
        most_said = std::max(most_said, number);
    }
    if (least_said == 0 || least_said >= most_said) {
        return otherwise;
    }
    return static_cast<double>(least_said) / static_cast<double>(most_said) * margin;
}

std::string shortened(std::string_view text, double share) {
    const auto wanted =
        static_cast<std::size_t>(static_cast<double>(text.size()) * std::clamp(share, 0.0, 1.0));
    const std::size_t most = std::min(wanted, text.empty() ? 0 : text.size() - 1);
    return std::string(core::cut_between_characters(text, most));
}

}  // namespace corral::engine::streaming
