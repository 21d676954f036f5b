#include "vendor_client.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "http_call.hpp"

namespace corral::benchmark {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using std::chrono::steady_clock;

// Beyond the longest benchmark run; a runtime that never gets free is a failed measurement.
constexpr seconds longest_wait{120};

class vendor_session {
public:
    vendor_session(std::uint16_t port, polling_style style) : port_(port), style_(style) {}

    // Sends until the runtime takes it: while it is busy it answers 400 `llm is running`
    // (docs/facts/vendor_ax.md#reset, #generate).
    void post_until_taken(const char* target, const json& body) {
        const auto text = body.dump();
        for (;;) {
            http_call call(port_, "POST", target, text);
            const int status = call.read_header();
            const auto said = call.read_body();
            call.leave_no_trace();
            if (status == 200) return;
            if (said.find("llm is running") == std::string::npos)
                throw std::runtime_error(std::string(target) + " answered " + std::to_string(status) + " " +
                                         said);
            pause(target);
        }
    }

    struct polled {
        std::int64_t ns;
        bool done;
        std::string text;
    };

    polled poll() {
        http_call call(port_, "GET", "/api/generate_provider", {});
        if (const int status = call.read_header(); status != 200)
            throw std::runtime_error("a poll answered " + std::to_string(status));
        const auto body = call.read_body();
        const auto at = call.read_at();
        call.leave_no_trace();
        const auto said = json::parse(body);
        return {at, said.at("done").get<bool>(), said.at("response").get<std::string>()};
    }

    void pause(const char* waiting_for) const {
        if (steady_clock::now() > until_) throw std::runtime_error(std::string("never done: ") + waiting_for);
        if (style_.pause.count() > 0) std::this_thread::sleep_for(style_.pause);
    }

private:
    std::uint16_t port_;
    polling_style style_;
    steady_clock::time_point until_ = steady_clock::now() + longest_wait;
};

}  // namespace

answer ask_vendor(std::uint16_t port, const std::string& prompt, polling_style style) {
    answer seen;
    seen.sent_ns = monotonic_ns();
    vendor_session session(port, style);
    session.post_until_taken("/api/reset", {{"system_prompt", "You are a helpful assistant."}});
    session.post_until_taken(
        "/api/generate",
        {{"prompt", prompt}, {"temperature", 1.0}, {"repetition_penalty", 1.0002}, {"top-k", 1}});
    std::string whole;
    for (bool last = false;;) {
        const auto got = session.poll();
        whole += got.text;
        if (!style.at_the_end) note_text(seen, got.ns, got.text);
        // done:true before any text may be a run that has not begun (docs/facts/vendor_ax.md#races); after
        // text it is the end, but a piece may have come between the poll's look at the queue and its look at
        // the flag.
        if (got.done && !whole.empty()) {
            if (last) {
                seen.ended_ns = got.ns;
                break;
            }
            last = true;
            continue;
        }
        session.pause("the run");
    }
    if (style.at_the_end) note_text(seen, seen.ended_ns, whole);
    return seen;
}

}  // namespace corral::benchmark
