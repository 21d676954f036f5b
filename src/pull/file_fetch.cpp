#include "pull/file_fetch.hpp"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <optional>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "corral/core/say.hpp"
#include "corral/package/package_tree.hpp"
#include "pull/fetch_policy.hpp"
#include "pull/part_file.hpp"
#include "pull/source_list.hpp"

namespace corral::pull {

namespace {

namespace fs = std::filesystem;
using core::errc;
using core::make_failure;

// One file on its way.
class file_way {
public:
    file_way(const file_work& with, fetcher* by, const source_file& file)
        : with_(&with), by_(by), file_(&file) {}

    core::result<fetched_file> go(const std::string& address, bool local);

private:
    core::result<std::optional<fetched_file>> look(const fs::path& at);
    core::result<fetched_file> check(part_file& part);
    core::result<fetched_file> download(part_file& part, const std::string& address);
    core::result<fetched_file> copy(part_file& part, const std::string& from);
    fetch_end ask(part_file& part, const std::string& address, const part_request& request, std::string& lie);
    core::result<void> begin(part_file& part, const part_request& request, const fetch_answer& answer,
                             std::string& lie);
    core::result<void> take(part_file& part, std::string_view bytes, std::string& lie);
    core::result<void> take_back(part_file& part);
    [[nodiscard]] std::string name() const { return "'" + package::shown(file_->path) + "'"; }
    [[nodiscard]] const std::atomic<bool>& stop() const { return *with_->place->stop; }
    void count(std::uint64_t bytes) {
        counted_ += bytes;
        *with_->completed += bytes;
    }
    [[nodiscard]] core::failure wrong_content() const;

    const file_work* with_;
    fetcher* by_;
    const source_file* file_;
    std::uint64_t counted_ = 0;
    std::optional<std::uint64_t> size_;  // as the answer says
};

core::failure file_way::wrong_content() const {
    return make_failure(errc::protocol, core::say("pull.lies/file-came", name()));
}

core::result<void> file_way::take_back(part_file& part) {
    *with_->completed -= counted_;
    counted_ = 0;
    return part.restart();
}

// The file at `at`, if it is this one. One that is not is as good as none.
core::result<std::optional<fetched_file>> file_way::look(const fs::path& at) {
    auto seen = hash_file(at, *file_, stop());
    if (!seen) {
        return seen.error();
    }
    if (!*seen || !matches(*file_, (*seen)->sums) || (file_->size && (*seen)->size != *file_->size)) {
        return std::optional<fetched_file>();
    }
    count((*seen)->size);
    return std::optional(fetched_file{(*seen)->size, (*seen)->sums.sha256, false});
}

core::result<fetched_file> file_way::go(const std::string& address, bool local) {
    if (!with_->target.empty()) {
        auto there = look(with_->target / file_->path);
        if (!there) {
            return there.error();
        }
        if (*there) {
            (*there)->in_target = true;
            return **there;
        }
    }
    auto staged = look(with_->work->stage() / file_->path);
    if (!staged) {
        return staged.error();
    }
    if (*staged) {
        return **staged;
    }
    *with_->fetches = true;
    auto part = part_file::open(with_->work->part(*file_), *file_);
    if (!part) {
        return part.error();
    }
    if (local) {
        return copy(*part, address);
    }
    const auto whole = part->rehash(stop());
    if (!whole) {
        return whole.error();
    }
    if (!*whole) {
        return stopped_failure();
    }
    count(part->bytes());
    return download(*part, address);
}

core::result<fetched_file> file_way::check(part_file& part) {
    const std::uint64_t size = part.bytes();
    auto sums = part.finish();
    if (!sums) {
        return sums.error();
    }
    if (!matches(*file_, *sums)) {
        if (auto done = take_back(part); !done) {
            return done.error();
        }
        return make_failure(errc::protocol, {});
    }
    if (auto done = with_->work->put(*file_); !done) {
        return done.error();
    }
    return fetched_file{size, std::move(sums->sha256), false};
}

core::result<void> file_way::begin(part_file& part, const part_request& request, const fetch_answer& answer,
                                   std::string& lie) {
    const part_facts facts{part.bytes(), file_->size, {}};
    const auto use =
        judge_answer(facts, request, {answer.status, answer.field("content-range"), answer.length});
    if (!use) {
        lie = use.error().message;
        return use.error();
    }
    size_ = file_->size ? file_->size : use->size;
    if (use->from != part.bytes()) {
        if (auto done = take_back(part); !done) {
            return done;
        }
    }
    with_->work->keep_etag(*file_, answer.field("etag"));
    return size_ ? part.reserve(*size_) : core::result<void>();
}

core::result<void> file_way::take(part_file& part, std::string_view bytes, std::string& lie) {
    if (size_ && bytes.size() > *size_ - part.bytes()) {
        lie = "the source sends more than the file has";
        return make_failure(errc::protocol, core::say("pull.lies/source-sends", "more than the file has"));
    }
    if (auto done = part.append(bytes); !done) {
        return done;
    }
    count(bytes.size());
    return {};
}

fetch_end file_way::ask(part_file& part, const std::string& address, const part_request& request,
                        std::string& lie) {
    fetch_sink sink;
    sink.begin = [&](const fetch_answer& answer) { return begin(part, request, answer, lie); };
    sink.take = [&](std::string_view bytes) { return take(part, bytes, lie); };
    return by_->get({address, request.from, request.if_range, false}, sink);
}

core::result<fetched_file> file_way::download(part_file& part, const std::string& address) {
    core::system_random random;
    retry_state state;
    size_ = file_->size;
    // What an attempt must bring to be worth another at once; and the most that ever lay here, for bytes that come
    // again are none.
    const auto worth = static_cast<std::uint64_t>(least_speed * with_->place->patience.count());
    std::uint64_t best = part.bytes();
    while (true) {
        const part_facts facts{part.bytes(), file_->size, with_->work->etag(*file_)};
        part_request asked = plan_part(facts);
        if (asked.discard) {
            if (auto done = take_back(part); !done) {
                return done.error();
            }
            asked = {};
        }
        std::string lie;
        fetch_end end;
        if (asked.complete) {
            end.good = true;
        } else {
            end = ask(part, address, asked, lie);
        }
        if (end.good && (!size_ || part.bytes() == *size_)) {
            auto done = check(part);
            if (done || !done.error().message.empty()) {
                return done;
            }
            end.good = false;
            end.bad = {trouble::wrong_hash, 0, {}, false};
            end.why = wrong_content().message;
        } else if (end.good) {
            end.bad = {trouble::cut, end.answer.status, {}, end.bad.progress};
            end.why = core::say("pull.cut/early");
        } else if (!lie.empty()) {
            // What lies here may be what the lie is about.
            if (auto done = take_back(part); !done) {
                return done.error();
            }
            end.fatal.reset();
            end.bad = {trouble::wrong_hash, 0, {}, false};
            end.why = lie;
        } else if (end.bad.what == trouble::status && end.bad.status == 416) {
            if (auto done = take_back(part); !done) {
                return done.error();
            }
            end.bad = {trouble::wrong_hash, 0, {}, false};
            end.why = core::say("pull.cut/no-part");
        } else if (auto kept = part.flush(); !kept) {
            return kept.error();
        }
        end.bad.progress = part.bytes() >= best + worth;
        best = std::max(best, part.bytes());
        const auto wait = end.fatal || end.stopped ? std::nullopt : next_attempt(state, end.bad, random);
        if (!wait && end.bad.what == trouble::wrong_hash) {
            return lie.empty()
                       ? wrong_content()
                       : make_failure(errc::protocol, core::say("pull.lies/file-fetched", name(), lie));
        }
        if (!wait) {
            return given_up(end, name(), !with_->place->token.empty(), true);
        }
        if (!pause(*wait, stop())) {
            return stopped_failure();
        }
    }
}

core::result<fetched_file> file_way::copy(part_file& part, const std::string& from) {
    constexpr std::size_t piece = 1024UL * 1024;
    if (auto done = part.restart(); !done) {
        return done.error();
    }
    const core::owned_fd source(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
    std::string bytes(piece, '\0');
    ssize_t got = source.valid() ? 1 : -1;
    while (got > 0) {
        if (stop().load()) {
            return stopped_failure();
        }
        got = ::read(source.get(), bytes.data(), bytes.size());
        if (got > 0) {
            if (auto done = part.append({bytes.data(), static_cast<std::size_t>(got)}); !done) {
                return done.error();
            }
            count(static_cast<std::uint64_t>(got));
        }
    }
    if (got < 0) {
        return core::errno_failure(
            errno, core::say("pull.disk/read-see", from, boost::system::system_category().message(errno)));
    }
    auto done = check(part);
    return !done && done.error().message.empty() ? wrong_content() : done;
}

}  // namespace

core::result<fetched_file> fetch_file(const file_work& with, fetcher* by, const source_file& file,
                                      const std::string& address, bool local) {
    return file_way(with, by, file).go(address, local);
}

crew::crew(const pull_request& request, const fetch_place& place, rate_limiter& limiter, work_place& work,
           const listed_plan& plan, const std::filesystem::path& target)
    : asked_(&request), place_(place), limiter_(&limiter), plan_(&plan) {
    place_.stop = &stop_;
    with_ = {&place_, &work, target, &completed_, &fetches_};
    got_.resize(plan.plan.files.size());
}

core::result<std::vector<fetched_file>> crew::run(const std::function<void(std::uint64_t)>& tell,
                                                  const std::atomic<bool>& stop) {
    std::vector<std::jthread> threads;
    const std::size_t count = std::min<std::size_t>(asked_->settings.parallel, got_.size());
    running_ = count;
    for (std::size_t i = 0; i < count; ++i) {
        threads.emplace_back([this] { work(); });
    }
    constexpr core::milliseconds step{200};
    std::unique_lock lock(guard_);
    while (running_ > 0) {
        over_.wait_for(lock, step, [this] { return running_ == 0; });
        if (stop.load()) {
            stop_ = true;
        }
        lock.unlock();
        tell(completed_.load());
        lock.lock();
    }
    lock.unlock();
    threads.clear();
    if (stop.load()) {
        return stopped_failure();
    }
    if (trouble_) {
        return *trouble_;
    }
    return std::move(got_);
}

void crew::work() {
    try {
        fetch_all();
    } catch (const std::exception& error) {
        fail(core::make_failure(core::errc::internal, core::say("pull.disk/file-fetched", error.what())));
    }
    const std::lock_guard lock(guard_);
    --running_;
    over_.notify_all();
}

void crew::fetch_all() {
    std::optional<fetcher> by;
    if (place_.curl != nullptr) {
        by.emplace(place_, *limiter_);
    }
    const bool local = asked_->source.kind == source_kind::local;
    while (!stop_.load()) {
        const std::size_t index = next_++;
        if (index >= got_.size()) {
            return;
        }
        const source_file& file = plan_->plan.files[index];
        auto done = fetch_file(
            with_, by ? &*by : nullptr, file,
            file_address(asked_->source, asked_->settings.endpoint, plan_->commit, file.path), local);
        if (!done) {
            fail(done.error());
            return;
        }
        got_[index] = std::move(*done);
    }
}

void crew::fail(core::failure why) {
    const std::lock_guard lock(guard_);
    // What the others say once they were stopped is no reason.
    if (!trouble_ && !stop_.load()) {
        trouble_ = std::move(why);
    }
    stop_ = true;
}

}  // namespace corral::pull
