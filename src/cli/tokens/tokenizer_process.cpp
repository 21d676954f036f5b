#include "cli/tokens/tokenizer_process.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "corral/catalog/placeholders.hpp"
#include "corral/chat/family.hpp"
#include "corral/core/random_source.hpp"
#include "corral/core/say.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/http/client.hpp"
#include "corral/process/service_port.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using namespace std::chrono_literals;

constexpr core::nanoseconds longest_end = 10s;
constexpr std::size_t most_words = 600;

constexpr core::nanoseconds longest_start = 3min;
constexpr core::nanoseconds longest_answer = 10min;

core::result<process::spawn_spec> command_for(const catalog::model_entry& model, std::uint16_t port) {
    auto expanded =
        catalog::expand_service(model, *tokenizer_of(model), catalog::stand_in_ports(model.runtime, port));
    if (!expanded) {
        return expanded.error();
    }
    process::spawn_spec out;
    out.command = std::move(expanded->command);
    out.environment = process::clean_environment();
    for (auto& [name, value] : expanded->environment) {
        out.environment[name] = std::move(value);
    }
    out.working_directory = std::move(expanded->working_directory);
    return out;
}

class one_question : public asked_program {
public:
    one_question(const catalog::model_entry& model, const chat::rendered_prompt& prompt, std::uint16_t port)
        : model_(model), prompt_(prompt), at_(boost::asio::ip::address_v4::loopback(), port) {}

private:
    core::awaitable<core::result<tokenizer_answer>> ask() override {
        const core::steady_time begun = now();
        const bool up = co_await come_up(core::deadline::after(longest_start, begun));
        if (!up) {
            co_return why_not();
        }
        tokenizer_answer out;
        out.start = now() - begun;
        auto listing = engine::list_tokens(executor(), at_, *chat::find_family(model_.family), prompt_,
                                           core::deadline::after(longest_answer, now()));
        core::result<engine::token_listing> tokens = co_await std::move(listing);
        if (!tokens && ended()) {
            co_return why_not();
        }
        if (!tokens) {
            co_return tokens.error();
        }
        out.tokens = std::move(*tokens);
        co_return out;
    }

    core::awaitable<bool> come_up(core::deadline until) {
        const catalog::probe_template& probe = tokenizer_of(model_)->probe;
        while (!ended() && !until.passed(now())) {
            http::client_call call;
            call.to = at_;
            call.method = probe.method;
            call.target = probe.target;
            call.until = core::deadline::after(5s, now());
            const auto reply = co_await http::call(std::move(call));
            if (reply && (probe.status == 0 || reply->status == probe.status)) {
                co_return true;
            }
            co_await core::sleep_for(pause);
        }
        co_return false;
    }

    core::failure why_not() const {
        return core::make_failure(core::errc::unavailable,
                                  ended() ? core::say("tokens.model/ended", model_.name, last_words())
                                          : core::say("tokens.model/late", model_.name, last_words()));
    }

    const catalog::model_entry& model_;
    const chat::rendered_prompt& prompt_;
    const boost::asio::ip::tcp::endpoint at_;
};

}  // namespace

core::result<tokenizer_answer> asked_program::run(const process::spawn_spec& command) {
    auto spawned = process::child::spawn(loop_.get_executor(), command);
    if (!spawned) {
        return spawned.error();
    }
    child_.emplace(std::move(*spawned));
    std::exception_ptr thrown;
    core::asio::co_spawn(loop_, whole(), [&](std::exception_ptr error) { thrown = std::move(error); });
    loop_.run();
    if (thrown) {
        std::rethrow_exception(thrown);
    }
    return std::move(answer_);
}

core::awaitable<void> asked_program::whole() {
    tasks_.spawn("out", listen(process::output_stream::out));
    tasks_.spawn("err", listen(process::output_stream::err));
    tasks_.spawn("end", notice_end());
    core::result<tokenizer_answer> answer = co_await ask();
    answer_ = std::move(answer);
    const auto over_by = core::deadline::after(longest_end, now());
    while (!child_->kill_family()) {
        if (over_by.passed(now())) {
            loop_.stop();  // held by a driver or disk; the answer is there all the same
            co_return;
        }
        co_await core::sleep_for(pause);
    }
    [[maybe_unused]] const bool over = co_await tasks_.wait_empty();
}

void asked_program::hear(process::output_stream, std::string_view text) {
    said_ += text;
    said_.erase(0, said_.size() - std::min(said_.size(), most_words));
}

std::string asked_program::last_words() const {
    return said_.empty() ? std::string() : ": " + telemetry::printable(said_, most_words);
}

core::awaitable<void> asked_program::listen(process::output_stream which) {
    while (true) {
        const auto read = co_await child_->read(which);
        if (!read || read->empty()) {
            --open_streams_;
            co_return;
        }
        hear(which, *read);
    }
}

core::awaitable<void> asked_program::notice_end() {
    const process::exit_reason how = co_await child_->wait();
    ended_ = how;
}

const catalog::service_template* tokenizer_of(const catalog::model_entry& model) {
    const auto& all = model.runtime.services;
    const auto found = std::ranges::find(all, "tokenizer", &catalog::service_template::name);
    return found == all.end() ? nullptr : &*found;
}

core::result<tokenizer_answer> ask_tokenizer(const catalog::model_entry& model,
                                             const chat::rendered_prompt& prompt) {
    core::system_random random;
    const auto port = process::service_port::promise(random);
    if (!port) {
        return port.error();
    }
    const auto command = command_for(model, port->number());
    return command ? one_question(model, prompt, port->number()).run(*command)
                   : core::result<tokenizer_answer>(command.error());
}

}  // namespace corral::cli
