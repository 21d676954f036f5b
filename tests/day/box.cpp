#include "day/box.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "generation/request_preparation.hpp"

namespace corral::day {

using core::milliseconds;
using core::nanoseconds;
using core::seconds;
using scheduler::instance_id;
using scheduler::priority_level;
using scheduler::ticket_id;

namespace {

// Qwen3-4B on an AX650 (docs/facts/vendor_ax.md#figures; docs/polled_cycle.md#history).
constexpr milliseconds token_time{237};
constexpr milliseconds call_time{30};  // drain, reset, encode
constexpr std::size_t piece_tokens = 3;
constexpr instance_id card{1};

}  // namespace

figures& operator+=(figures& all, const figures& one) {
    const auto add = [](std::vector<double>& to, const std::vector<double>& more) {
        to.insert(to.end(), more.begin(), more.end());
    };
    add(all.first, one.first);
    add(all.later, one.later);
    add(all.for_jobs, one.for_jobs);
    all.busy += one.busy;
    all.busy_ahead += one.busy_ahead;
    all.longest_start_of_job = std::max(all.longest_start_of_job, one.longest_start_of_job);
    all.ahead.made += one.ahead.made;
    all.ahead.hits += one.ahead.hits;
    all.ahead.saved += one.ahead.saved;
    all.ahead.waited += one.ahead.waited;
    return all;
}

double percentile(std::vector<double> of, double share) {
    if (of.empty()) {
        return 0;
    }
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(of.size())));
    const auto at = of.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
    std::ranges::nth_element(of, at);
    return *at;
}

figures live(kind what, std::uint64_t seed, const rules& by) {
    const traffic day = traffic_of(what, seed);
    return box(day, by, seed).live();
}

box::box(const traffic& day, const rules& by, std::uint64_t seed)
    : day_(day), by_(by), midnight_(time_.now()), dice_(seed, 50), prompts_(by.as_written, by.steps) {
    queue_.add_queue("m");
    queue_.add_instance("m", card, {0}, time_.now());
    take(queue_.instance_changed(card, scheduler::presence::ready, {}, time_.now()));
    queue_.set_hold(seconds{1});
    // As cycle_fsm::held_bytes and ax_poll_backend::held_saving.
    queue_.ask_held([this](ticket_id id, instance_id) {
        const request& of = requests_.at(id.value);
        const bool begins = !spoken_.empty() && of.prompt.turns.size() > spoken_.size() &&
                            of.prompt.turns.starts_with(spoken_);
        return begins && cache_.held_for(of.asked.owner, false) != nullptr ? spoken_.size() : 0;
    });
    queue_.ask_saving(
        [this](instance_id) { return cache_.known() ? reading_of(cache_.held().size()) : nanoseconds{0}; });
}

figures box::live() {
    for (const talk& each : day_.talks) {
        time_.at(midnight_ + each.begins, [this, &each] { go_on(each, 0, {}); });
    }
    time_.run(midnight_ + std::chrono::hours{26});
    out_.ahead = ahead_.figures();
    return std::move(out_);
}

// Its next question, and what comes behind its answer.
void box::go_on(const talk& with, std::size_t at, std::vector<chat::message> history) {
    const turn& now = with.turns.at(at);
    history = with.job ? std::vector<chat::message>{} : std::move(history);
    history.push_back(message_of(chat::role::user, now.words));
    request what;
    what.asked.messages = history;
    if (const std::string system = day_.at_home ? day_.home.text(of_day()) : with.system; !system.empty()) {
        what.asked.messages.insert(what.asked.messages.begin(), message_of(chat::role::system, system));
    }
    what.asked.client = what.asked.owner = with.client;
    what.asked.priority = with.job ? chat::priority_class::batch : chat::priority_class::by_shape;
    what.answer = now.answer;
    what.person = !with.job;
    what.later = at > 0;
    history.push_back(message_of(chat::role::assistant, now.answer));
    what.done = [this, &with, at, history = std::move(history)] {
        if (with.page) {
            ask_beside(with, at);
        }
        if (with.echoed && dice_.chance(0.3)) {
            time_.after(milliseconds{2200} + year::times(milliseconds{800}, dice_.unit()),
                        [this, text = with.turns[at].answer] { ask_echo(text); });
        }
        if (at + 1 < with.turns.size()) {
            time_.after(with.turns[at + 1].pause,
                        [this, &with, at, history] { go_on(with, at + 1, history); });
        }
    };
    ask(std::move(what));
}

void box::ask_beside(const talk& with, std::size_t at) {
    const turn& now = with.turns.at(at);
    std::vector<std::pair<std::string, std::string>> tasks{
        {"3-5 follow-up questions",
         "{ \"follow_ups\": [\"How long does it take, and what is it for?\", \"Why "
         "is that so?\", \"Please write a shorter one.\"] }"}};
    if (at == 0) {
        tasks.emplace_back("a concise, 3-5 word title", "{ \"title\": \"Of harbours and letters\" }");
        tasks.emplace_back("1-3 broad tags", "{ \"tags\": [\"Work\", \"Letters\"] }");
    }
    for (auto& [task, answer] : tasks) {
        request what;
        what.asked.messages = {message_of(chat::role::user, task_beside(task, now.words, now.answer))};
        what.asked.client = what.asked.owner = with.client;
        what.answer = answer;
        what.person = false;
        const nanoseconds after_you{by_.classes ? milliseconds{200} : milliseconds{0}};
        time_.after(after_you, [this, what]() mutable { ask(std::move(what)); });
    }
}

// Who waits for this is neither a person of the talk nor a job.
void box::ask_echo(const std::string& words) {
    request what;
    what.asked.messages = {message_of(chat::role::user, "Is this polite? " + words)};
    what.asked.client = what.asked.owner = "archive";
    what.answer = "Yes, it is.";
    ask(std::move(what));
}

bool box::is_job(const request& what) const {
    return by_.classes && generation::is_batch(what.asked);
}

void box::ask(request what) {
    what.arrived = time_.now();
    what.aside = is_job(what);
    chat::generation_request read = what.asked;
    const bool has_system = read.messages.front().from == chat::role::system;
    // As model_request::move_lines.
    if (by_.moving && has_system && !generation::is_background(read)) {
        what.lines = lines_.settle(read.owner + read.client, read.messages.front().content);
        if (auto moved = generation::with_lines_moved(read.messages, *what.lines)) {
            read.messages = *std::move(moved);
        }
    }
    what.prompt = prompts_.fit(read);
    what.ids = ids_of(what.prompt.turns);
    const ticket_id id{++number_};
    const auto level = what.aside ? priority_level::batch : priority_level::interactive;
    const std::string client = what.asked.client;
    requests_.emplace(id.value, std::move(what));
    take(queue_.arrive({.ticket = id, .client = client, .model = "m", .level = level}, time_.now()));
    give_way_at_next_piece();
}

void box::take(const std::vector<scheduler::decision>& decisions) {
    for (const scheduler::decision& each : decisions) {
        if (each.what != scheduler::verdict::granted) {
            std::abort();  // the queue has room for a day
        }
        begin(each.ticket);
    }
    if (const auto look = queue_.next_hold_end(time_.now())) {
        time_.at(*look, [this] { take(queue_.look(time_.now())); });
    }
}

// As ax_poll_backend::run.
void box::begin(ticket_id ticket) {
    running_ = running_request{ticket, time_.now(), {}, true, ++number_};
    time_.at(std::max(time_.now(), ahead_end_), [this] { send(); });
}

void box::send() {
    request& what = requests_.at(running_->ticket.value);
    const nanoseconds waited = time_.now() - running_->since;
    if (!what.aside) {
        const std::string& turns = next_.of_conversation.turns;
        const std::size_t words = turns.rfind(expected_words);
        next_.came = running_->since;
        next_.same_owner = what.asked.owner == next_.owner;
        next_.goes_on = next_.same_owner && words != std::string::npos &&
                        what.prompt.turns.starts_with(std::string_view(turns).substr(0, words));
        if (!next_.same_owner) {
            next_.of_conversation = {};
        }
        next_.owner = what.asked.owner;
    }
    const auto plan = cache_.plan(what.ids, sizes, what.asked.owner, false);
    const bool goes_on = plan.how == engine::ax_poll::cache_plan::way::go_on;
    const bool hit = goes_on && cache_.ahead();
    if (hit) {
        ahead_.hit(reading_of(plan.held));
    } else if (waited > nanoseconds{0}) {
        ahead_.held_up(waited);
    }
    if (!goes_on) {
        cache_.on_reset(what.asked.owner);
    }
    cache_.on_sent(what.ids, plan.held);
    spoken_.clear();
    const nanoseconds reads = reading_of(what.ids.size() - plan.held);
    const std::size_t tokens = ids_of(what.answer).size();
    const auto spoken = static_cast<std::int64_t>(std::min(tokens, piece_tokens) - 1);
    running_->reads = false;
    running_->first_piece = time_.now() + call_time + reads + token_time * spoken;
    out_.busy += core::as_seconds(reads + token_time * static_cast<std::int64_t>(tokens - 1));
    if (what.person) {
        const double wait = core::as_seconds(running_->first_piece - what.arrived);
        (what.later ? out_.later : out_.first).push_back(wait);
    } else if (what.aside) {
        out_.longest_start_of_job =
            std::max(out_.longest_start_of_job, core::as_seconds(running_->first_piece - running_->since));
    }
    const auto rest = static_cast<std::int64_t>(tokens) - spoken - 1;
    time_.at(running_->first_piece + token_time * rest, [this, tokens, run = running_->number] {
        if (running_ && running_->number == run) {
            end(false, tokens);
        }
    });
    give_way_at_next_piece();
}

// As generation_run::may_give_way, asked at each piece.
void box::give_way_at_next_piece() {
    constexpr unsigned most_parts = 8;
    constexpr std::size_t margin = 64;
    if (!running_ || running_->reads || !queue_.people_wait_for("m")) {
        return;
    }
    const request& what = requests_.at(running_->ticket.value);
    if (!what.aside || what.parts >= most_parts) {
        return;
    }
    const nanoseconds piece = token_time * static_cast<std::int64_t>(piece_tokens);
    const nanoseconds since = std::max(nanoseconds{0}, nanoseconds(time_.now() - running_->first_piece));
    const std::int64_t pieces = (since + piece - nanoseconds{1}) / piece;
    const std::size_t made = piece_tokens * static_cast<std::size_t>(pieces + 1);
    if (made >= ids_of(what.answer).size() || what.ids.size() + made + margin >= sizes.prompt_limit) {
        return;
    }
    time_.at(running_->first_piece + piece * pieces, [this, made, run = running_->number] {
        if (running_ && running_->number == run && queue_.people_wait_for("m")) {
            end(true, made);
        }
    });
}

void box::end(bool gave_way, std::size_t made) {
    const running_request run = *std::exchange(running_, std::nullopt);
    auto node = requests_.extract(run.ticket.value);
    request what = std::move(node.mapped());
    const token_ids all = ids_of(what.answer);
    token_ids answer(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(made));
    std::string text;
    const auto pieces = pieces_of(what.answer);
    for (std::size_t i = 0; i < made; ++i) {
        text += pieces[i];
    }
    out_.busy -= core::as_seconds(token_time * static_cast<std::int64_t>(all.size() - made));
    engine::ax_poll::finished_run ended{.answer = answer, .calls = 1, .whole = true, .as_planned = true};
    ended.stops = gave_way ? 1 : 0;
    ended.held_piece = gave_way ? piece_tokens : 0;
    cache_.conclude(ended, sizes);
    spoken_ = what.prompt.turns + text;
    if (!what.person) {
        for (const auto& [id, each] : requests_) {
            if (each.person) {
                out_.for_jobs.push_back(core::as_seconds(time_.now() - std::max(each.arrived, run.since)));
            }
        }
    }
    note_ended(what);
    if (!gave_way && !what.aside && queue_.waiting() == 0) {
        expect_next(what);
    }
    take(queue_.release(run.ticket, time_.now()));
    if (gave_way) {
        what.prompt.turns = spoken_;
        what.ids.insert(what.ids.end(), answer.begin(), answer.end());
        what.answer.erase(0, text.size());
        ++what.parts;
        const std::string client = what.asked.client;
        requests_.emplace(run.ticket.value, std::move(what));
        take(queue_.arrive({.ticket = run.ticket,
                            .client = client,
                            .model = "m",
                            .readmission = true,
                            .level = priority_level::batch},
                           time_.now()));
    } else if (what.done) {
        what.done();
    }
}

}  // namespace corral::day
