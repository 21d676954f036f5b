#include "cli/tokens/tokenizer_process.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "corral/core/json.hpp"
#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/core/wake_signal.hpp"

namespace corral::cli {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t largest_file = 64UL * 1024 * 1024;  // twice the largest of the hub (Gemma)
constexpr std::size_t most_answer = 32UL * 1024 * 1024;   // of a text of 1 MiB, a token a byte: half
constexpr std::uint64_t most_memory = 2UL * 1024 * 1024 * 1024;
constexpr int no_library = 3;

// Isolated mode leaves out the packages that a user installed for himself, which the maker's scripts would find. The file's
// own cutting and padding are of training. A piece ends where no character is cut, after eight tokens in any case: the text
// may hold a U+FFFD.
constexpr const char* question = R"(
import time
begun = time.monotonic_ns()
import json, os, site, sys
home = site.getusersitepackages()
if os.path.isdir(home):
    sys.path.append(home)
try:
    from tokenizers import Tokenizer
except ImportError:
    sys.exit(3)
def read(name):
    with open(name, "rb") as file:
        return file.read().decode("utf-8", "replace")
try:
    own = Tokenizer.from_str(read(sys.argv[1]))
    own.no_truncation()
    own.no_padding()
    text = read(sys.argv[2])
    loaded = time.monotonic_ns()
    own.encode(text, add_special_tokens=False)
    again = time.monotonic_ns()
    ids = own.encode(text, add_special_tokens=False).ids
    encoded = time.monotonic_ns()
    pieces, before, start, shown = [], 0, 0, ""
    for end in range(1, len(ids) + 1):
        said = own.decode(ids[before:end], skip_special_tokens=False)
        if said.endswith("\ufffd") and end < len(ids) and end - start < 8:
            pieces.append("")
            continue
        pieces.append(said[len(shown):])
        before, start = start, end
        shown = own.decode(ids[before:start], skip_special_tokens=False)
    decoded = time.monotonic_ns()
    json.dump({"ids": ids, "pieces": pieces, "start": loaded - begun, "encoding": encoded - again,
               "decoding": decoded - encoded}, sys.stdout, separators=(",", ":"))
except BaseException as fault:
    sys.exit(f"{type(fault).__name__}: {fault}"[:400])
)";

// A path to a descriptor of ours, for a child; descriptors are not passed on.
std::string path_of(const core::owned_fd& open) {
    return fmt::format("/proc/{}/fd/{}", ::getpid(), open.get());
}

core::result<core::owned_fd> open_file(const fs::path& file) {
    core::owned_fd out(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat about {};
    if (!out.valid() || ::fstat(out.get(), &about) != 0) {
        return core::make_failure(core::errc::invalid,
                                  core::say("tokens.text/unreadable", file, std::strerror(errno)));
    }
    if (!S_ISREG(about.st_mode)) {
        return core::make_failure(core::errc::invalid, core::say("tokens.file/kind", file));
    }
    if (static_cast<std::size_t>(about.st_size) > largest_file) {
        return core::make_failure(core::errc::limit_exceeded, core::say("tokens.file/large", file));
    }
    return out;
}

core::result<core::owned_fd> kept_text(const std::string& text) {
    core::owned_fd out(::memfd_create("corral-text", MFD_CLOEXEC));
    if (!out.valid() || !core::write_all(out.get(), text)) {
        return core::errno_failure(errno, core::say("tokens.file/python"));
    }
    return out;
}

class one_reading : public asked_program {
public:
    one_reading(const fs::path& file, core::nanoseconds patience)
        : file_(file.string()), patience_(patience) {}

    [[nodiscard]] bool lacks_library() const {
        const auto* const exit = ended() ? std::get_if<process::exited_with>(&*ended()) : nullptr;
        return never_ran() || (exit != nullptr && exit->code == no_library);
    }

private:
    core::awaitable<core::result<tokenizer_answer>> ask() override {
        const auto until = core::deadline::after(patience_, now());
        while (!(ended() && is_silent()) && said_.size() <= most_answer) {
            if (until.passed(now())) {
                const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience_).count();
                co_return fault(core::say("tokens.file/late", file_, seconds));
            }
            co_await core::sleep_for(pause);
        }
        co_return answer();
    }

    void hear(process::output_stream stream, std::string_view text) override {
        if (stream == process::output_stream::err) {
            asked_program::hear(stream, text);
        } else if (said_.size() <= most_answer) {
            said_ += text;
        }
    }

    core::result<tokenizer_answer> answer() const {
        if (said_.size() > most_answer) {
            return fault(core::say("tokens.file/much", file_));
        }
        const auto* const exit = ended() ? std::get_if<process::exited_with>(&*ended()) : nullptr;
        if (exit == nullptr || exit->code != 0) {
            const std::string how =
                exit == nullptr && ended() ? " (" + process::describe(*ended()) + ")" : "";
            return fault(core::say("tokens.file/failed", file_, how + last_words()));
        }
        const json all = core::parse_json(said_, {.depth = 3, .bytes = most_answer});
        try {
            tokenizer_answer out;
            out.tokens.ids = all.at("ids").get<std::vector<std::int64_t>>();
            out.tokens.pieces = all.at("pieces").get<std::vector<std::string>>();
            out.tokens.encoding = core::nanoseconds(all.at("encoding").get<std::int64_t>());
            out.tokens.decoding = core::nanoseconds(all.at("decoding").get<std::int64_t>());
            out.start = core::nanoseconds(all.at("start").get<std::int64_t>());
            if (out.tokens.ids.size() == out.tokens.pieces.size()) {
                return out;
            }
        } catch (const json::exception&) {
        }
        return fault(core::say("tokens.file/answer", file_));
    }

    static core::failure fault(core::reason what) {
        return core::make_failure(core::errc::invalid, std::move(what));
    }

    const std::string file_;
    const core::nanoseconds patience_;
    std::string said_;
};

}  // namespace

std::optional<fs::path> tokenizer_file(const std::string& path) {
    std::error_code failed;
    const fs::path inside = fs::path(path) / "tokenizer.json";
    if (fs::is_directory(path, failed)) {
        return inside;
    }
    return fs::exists(path, failed) ? std::optional(fs::path(path)) : std::nullopt;
}

core::result<tokenizer_answer> ask_tokenizer_file(const fs::path& file,
                                                  const std::vector<std::string>& pythons,
                                                  const std::string& text, core::nanoseconds patience) {
    const auto opened = open_file(file);
    if (!opened) {
        return opened.error();
    }
    const auto kept = kept_text(text);
    if (!kept) {
        return kept.error();
    }
    for (const std::string& python : pythons) {
        process::spawn_spec command;
        command.command = {python, "-I", "-B", "-c", question, path_of(*opened), path_of(*kept)};
        command.environment = process::clean_environment();
        command.working_directory = "/";
        command.limits.memory = most_memory;
        one_reading reading(file, patience);
        auto said = reading.run(command);
        if (said || !reading.lacks_library()) {
            return said;
        }
    }
    return core::make_failure(core::errc::unavailable,
                              core::say("tokens.file/library", file, core::joined(pythons)));
}

}  // namespace corral::cli
