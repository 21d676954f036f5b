#include "generation/early_judgement.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "corral/core/say.hpp"
#include "corral/core/worker.hpp"
#include "corral/generation/readiness.hpp"
#include "generation/context_fit.hpp"
#include "generation/prompt_cuts.hpp"
#include "generation/request_preparation.hpp"

namespace corral::generation {

namespace {

constexpr std::ptrdiff_t most_of_client = 2;
constexpr std::size_t most_in_all = 64;
// Of the time of a count: so long the next one waits.
constexpr int pause_share = 4;
constexpr core::seconds after_failure{60};

}  // namespace

std::optional<count_turns::ticket> count_turns::join(const std::string& model, const std::string& client,
                                                     core::steady_time now) {
    std::erase_if(places_, [now](const auto& each) {
        const place& one = each.second;
        return one.all.empty() && !one.began && one.free_at <= now && one.well_at <= now;
    });
    place& at = places_[model];
    const auto of_client = std::ranges::count(at.all, client, &waiting::client);
    if (at.well_at > now || of_client >= most_of_client || at.all.size() >= most_in_all) {
        return std::nullopt;
    }
    at.all.push_back({++last_, client});
    return last_;
}

bool count_turns::begin(const std::string& model, ticket which, core::steady_time now) {
    place& at = places_[model];
    auto next = std::ranges::find_if(at.all, [&](const waiting& one) { return one.client != at.last; });
    next = next == at.all.end() ? at.all.begin() : next;
    if (next == at.all.end() || next->id != which || at.began || at.free_at > now) {
        return false;
    }
    at.last = next->client;
    at.began = now;
    at.all.erase(next);
    return true;
}

std::optional<core::steady_time> count_turns::next(const std::string& model) const {
    const auto found = places_.find(model);
    return found == places_.end() || found->second.began ? std::nullopt
                                                         : std::optional(found->second.free_at);
}

void count_turns::leave(const std::string& model, ticket which) {
    if (const auto found = places_.find(model); found != places_.end()) {
        std::erase_if(found->second.all, [which](const waiting& one) { return one.id == which; });
    }
}

void count_turns::end(const std::string& model, bool failed, core::steady_time now) {
    place& at = places_[model];
    at.free_at = now + pause_share * (now - at.began.value_or(now));
    at.well_at = failed ? now + after_failure : at.well_at;
    at.began.reset();
}

namespace {

constexpr core::seconds longest{8};
constexpr std::size_t longest_prompt = 1024UL * 1024;

// A text of so few bytes fits whatever it is: no token is shorter than a byte, and a template adds little. Prompts may be
// as long as a part of the context only.
bool surely_fits(std::size_t bytes, std::uint32_t context) {
    return context == 0 || bytes <= context / 2;
}

// Without all that can be left out it may still be too long.
bool may_never_fit(const chat::generation_request& request, std::size_t prompt_bytes, std::uint32_t context) {
    prompt_cutter cutter(request);
    const std::size_t whole = cutter.bytes();
    cutter.fit_least();
    const std::size_t around = prompt_bytes > whole ? prompt_bytes - whole : 0;
    return !surely_fits(around + cutter.bytes(), context);
}

}  // namespace

core::awaitable<std::unique_ptr<count_desk::place>> count_desk::enter(const scheduler::scheduler& admission,
                                                                      std::string model, std::string client,
                                                                      core::deadline until) {
    const scheduler::model_queue queue = admission.queue_of(model);
    if (queue.running + queue.waiting == 0 || admission.read(model) == nullptr) {
        co_return nullptr;
    }
    const auto ticket = turns_.join(model, client, clock_.now());
    if (!ticket) {
        co_return nullptr;
    }
    struct withdrawn_at_end {
        count_desk& of;
        std::string model;
        count_turns::ticket which;
        ~withdrawn_at_end() {
            of.turns_.leave(model, which);
            of.bell_.ring();
        }
    };
    const withdrawn_at_end waits{*this, model, *ticket};
    bool begun = turns_.begin(model, *ticket, clock_.now());
    while (!begun) {
        const auto next = turns_.next(model);
        // The one whose turn it is need not be the first to wake, so an early time is no reason to spin.
        constexpr core::milliseconds shortest{5};
        const core::steady_time at = std::max(next.value_or(until.at()), clock_.now() + shortest);
        const core::wake_reason woken = co_await bell_.wait(core::deadline(std::min(at, until.at())));
        if (woken == core::wake_reason::cancelled || until.passed(clock_.now())) {
            co_return nullptr;
        }
        begun = turns_.begin(model, *ticket, clock_.now());
    }
    scheduler::reader runtime = admission.read(model);
    if (runtime == nullptr) {
        end(model, false);
        co_return nullptr;
    }
    co_return std::make_unique<place>(*this, std::move(model), std::move(runtime), until);
}

void count_desk::end(const std::string& model, bool failed) {
    turns_.end(model, failed, clock_.now());
    bell_.ring();
}

core::awaitable<core::result<engine::prompt_measure>> count_desk::place::count(
    const chat::rendered_prompt& prompt) {
    constexpr unsigned most_counts = 8;
    core::result<engine::prompt_measure> out =
        core::make_failure(core::errc::refused, core::say("runtime.count-not-known"));
    if (!refused_ && ++counts_ <= most_counts && !until_.passed(of_.clock_.now())) {
        out = co_await runtime_->count_beside(prompt, until_);
        failed_ = failed_ || (!out && out.error().code != core::errc::refused);
    }
    if (out && !out->exact && !out->fits) {
        out = core::make_failure(core::errc::refused, core::say("runtime.count-not-known/estimate"));
    }
    refused_ = refused_ || !out;
    co_return out;
}

core::awaitable<std::optional<chat::failure>> refuse_early(count_desk& desk, early_question about) {
    const chat::generation_request& request = *about.request;
    const std::size_t bytes = about.prompt->system.size() + about.prompt->turns.size();
    const std::uint32_t context = context_length_of(*about.model);
    if (has_images(request) || bytes > longest_prompt || surely_fits(bytes, context)) {
        co_return std::nullopt;
    }
    const scheduler::model_queue queue = about.admission->queue_of(about.model->deployment);
    if (queue.running + queue.waiting == 0) {
        co_return std::nullopt;
    }
    if (about.may_shorten) {
        bool in_doubt = false;
        std::function<void()> work = [&] { in_doubt = may_never_fit(request, bytes, context); };
        auto looking =
            core::run_on(is_long(request) ? about.elsewhere : nullptr, std::move(work), request.client);
        co_await std::move(looking);
        if (!in_doubt) {
            co_return std::nullopt;
        }
    }
    const core::deadline until = core::deadline::after(longest, desk.now()).sooner(about.until);
    auto entering = desk.enter(*about.admission, about.model->deployment, request.client, until);
    const std::unique_ptr<count_desk::place> place = co_await std::move(entering);
    if (place == nullptr) {
        co_return std::nullopt;
    }
    counting count = [&place](const chat::rendered_prompt& prompt) { return place->count(prompt); };
    auto fitting = fit_prompt(place->runtime(), *about.how, request, request.messages, *about.prompt,
                              about.may_shorten, until, about.elsewhere, std::move(count));
    const fit_result fitted = co_await std::move(fitting);
    if (fitted || place->any_refused() || fitted.error().kind != chat::failure_kind::context_too_long) {
        co_return std::nullopt;
    }
    co_return fitted.error();
}

}  // namespace corral::generation
