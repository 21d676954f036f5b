#include "cli/tokens/tokenizer_process.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "corral/catalog/placeholders.hpp"
#include "corral/chat/family.hpp"
#include "corral/core/random_source.hpp"
#include "corral/core/task_group.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/http/client.hpp"
#include "corral/process/child.hpp"
#include "corral/process/service_port.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using namespace std::chrono_literals;

constexpr core::nanoseconds longest_start = 3min;
constexpr core::nanoseconds longest_answer = 10min;
constexpr core::nanoseconds longest_end = 10s;
constexpr core::nanoseconds pause = 50ms;
constexpr std::size_t last_words = 600;

core::failure unavailable(const std::string& what) {
    return core::make_failure(core::errc::unavailable, what);
}

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

class one_question {
public:
    one_question(const catalog::model_entry& model, const chat::rendered_prompt& prompt)
        : model_(model), prompt_(prompt) {}

    core::result<tokenizer_answer> run() {
        std::exception_ptr thrown;
        core::asio::co_spawn(loop_, whole(), [&](std::exception_ptr error) { thrown = std::move(error); });
        loop_.run();
        if (thrown) {
            std::rethrow_exception(thrown);
        }
        return std::move(answer_);
    }

private:
    core::awaitable<void> whole() {
        core::system_random random;
        const auto port = process::service_port::promise(random);
        if (!port) {
            answer_ = port.error();
            co_return;
        }
        const auto command = command_for(model_, port->number());
        if (!command) {
            answer_ = command.error();
            co_return;
        }
        auto spawned = process::child::spawn(loop_.get_executor(), *command);
        if (!spawned) {
            answer_ = spawned.error();
            co_return;
        }
        child_.emplace(std::move(*spawned));
        tasks_.spawn("out", listen(process::output_stream::out));
        tasks_.spawn("err", listen(process::output_stream::err));
        tasks_.spawn("end", notice_end());
        at_ = {boost::asio::ip::address_v4::loopback(), port->number()};
        co_await ask();
        const auto over_by = core::deadline::after(longest_end, clock_.now());
        while (!child_->kill_family()) {
            if (over_by.passed(clock_.now())) {
                loop_.stop();  // held by a driver or disk; the answer is there all the same
                co_return;
            }
            co_await core::sleep_for(pause);
        }
        [[maybe_unused]] const bool over = co_await tasks_.wait_empty();
    }

    core::awaitable<void> ask() {
        const core::steady_time begun = clock_.now();
        const bool up = co_await come_up(core::deadline::after(longest_start, begun));
        if (!up) {
            answer_ = unavailable(why_not());
            co_return;
        }
        tokenizer_answer out;
        out.start = clock_.now() - begun;
        auto listing = engine::list_tokens(loop_.get_executor(), at_, *chat::find_family(model_.family),
                                           prompt_, core::deadline::after(longest_answer, clock_.now()));
        core::result<engine::token_listing> tokens = co_await std::move(listing);
        if (tokens) {
            out.tokens = std::move(*tokens);
            answer_ = std::move(out);
        } else {
            answer_ = ended_ ? unavailable(why_not()) : tokens.error();
        }
    }

    core::awaitable<bool> come_up(core::deadline until) {
        const catalog::probe_template& probe = tokenizer_of(model_)->probe;
        while (!ended_ && !until.passed(clock_.now())) {
            http::client_call call;
            call.to = at_;
            call.method = probe.method;
            call.target = probe.target;
            call.until = core::deadline::after(5s, clock_.now());
            const auto reply = co_await http::call(std::move(call));
            if (reply && (probe.status == 0 || reply->status == probe.status)) {
                co_return true;
            }
            co_await core::sleep_for(pause);
        }
        co_return false;
    }

    std::string why_not() const {
        std::string out = "The tokenizer service of " + model_.name +
                          (ended_ ? " ended by itself" : " did not answer within 3 min");
        if (!said_.empty()) {
            out += ": " + telemetry::printable(said_, last_words);
        }
        return out + ". 'corral check' looks at its files.";
    }

    core::awaitable<void> listen(process::output_stream which) {
        while (true) {
            const auto read = co_await child_->read(which);
            if (!read || read->empty()) {
                co_return;
            }
            said_ = (said_ + *read);
            said_.erase(0, said_.size() - std::min(said_.size(), last_words));
        }
    }

    core::awaitable<void> notice_end() {
        [[maybe_unused]] const process::exit_reason how = co_await child_->wait();
        ended_ = true;
    }

    core::asio::io_context loop_{1};
    core::task_group tasks_{loop_.get_executor(), [](const std::string&, const std::string&) {}};
    const core::steady_clock_source clock_;
    const catalog::model_entry& model_;
    const chat::rendered_prompt& prompt_;
    std::optional<process::child> child_;
    boost::asio::ip::tcp::endpoint at_;
    std::string said_;
    bool ended_ = false;
    core::result<tokenizer_answer> answer_ = unavailable("It was never asked.");
};

}  // namespace

const catalog::service_template* tokenizer_of(const catalog::model_entry& model) {
    const auto& all = model.runtime.services;
    const auto found = std::ranges::find(all, "tokenizer", &catalog::service_template::name);
    return found == all.end() ? nullptr : &*found;
}

core::result<tokenizer_answer> ask_tokenizer(const catalog::model_entry& model,
                                             const chat::rendered_prompt& prompt) {
    return one_question(model, prompt).run();
}

}  // namespace corral::cli
