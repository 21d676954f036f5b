// What a runtime says to the tap: the body of a call, then the ids of its pieces through the ledger and the
// assembly of their text, and the polls that bring it back.

#include "corral/core/json.hpp"
#include "engine/dialects/ax_poll/piece_assembly.hpp"
#include "engine/dialects/ax_poll/polled_text.hpp"
#include "engine/dialects/ax_poll/token_ledger.hpp"
#include "engine/dialects/ax_poll/tokenizer_reply.hpp"
#include "fuzz_input.hpp"

namespace {

using namespace corral;
using namespace corral::engine::ax_poll;

// A tokenizer that keeps ids in a cache, cuts characters, or does neither, as `how` says.
std::string text_of(const token_ids& ids, unsigned how) {
    std::string out;
    for (const std::int64_t id : ids) {
        out += static_cast<char>('a' + static_cast<unsigned char>(id) % 26);
    }
    return how % 3 == 0 ? std::string() : how % 3 == 1 ? out : out + "\xEF\xBF\xBD";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tests::fuzz_input in(data, size);
    const unsigned how = in.choice();
    token_ledger ledger;
    ledger.begin(how % 2 == 0 ? std::nullopt : std::optional<std::uint32_t>(how / 2));
    piece_assembly open;
    polled_text polled;
    std::string made;
    std::string read;
    std::string_view rest = in.rest();
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const nlohmann::json body = core::parse_json(line);
        const auto field = body.is_object() ? body.find("token_ids") : body.end();
        if (!body.is_object() || field == body.end() || !is_id_array(*field)) {
            continue;
        }
        const token_ids ids = ids_of(*field);
        tests::demand(ids.size() == field->size(), "an id for each number");
        token_ids wanted;
        const auto kind = ledger.on_decode(ids, wanted);
        tests::demand(wanted.size() <= ids.size(), "no more is wanted than came");
        open.add(wanted);
        std::string text;
        for (int step = 0; step < 64; ++step) {
            const token_ids asked = open.next();
            if (asked.empty()) {
                break;
            }
            text += open.on_text(text_of(asked, how + static_cast<unsigned>(step)));
            if (open.stuck()) {
                text += open.give_up(true);
                open.on_identity_lost();
            }
        }
        const bool perhaps = kind == token_ledger::call_kind::perhaps_final;
        polled.on_answer(text, ledger.count(), perhaps);
        if (!perhaps) {
            made = text;
            const auto told = polled.on_poll(text);
            tests::demand(told.ours, "what was made is ours");
            read += told.text;
        }
        tests::demand(ledger.count() <= ledger.made(), "what counts was made");
        tests::demand(polled.polled_tokens() <= ledger.count(), "what was polled counts");
    }
    read += polled.rest();
    (void)ledger.tail();
    return 0;
}
