// What a tokenizer service answers: what is taken from it has the form that was asked for.

#include "engine/dialects/ax_poll/tokenizer_reply.hpp"
#include "fuzz_input.hpp"

using namespace corral;
using namespace corral::engine::ax_poll;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tests::fuzz_input in(data, size);
    const auto wanted = static_cast<tokenizer_field>(in.choice() % 5);
    const unsigned status = in.choice() % 4 == 0 ? 500 : 200;
    const std::uint32_t rows = in.choice();
    tokenizer_answer got = read_tokenizer_reply(status, std::string(in.rest()), wanted);
    tests::demand(got.body == in.rest(), "the body stays as it came");
    if (got.fault != tokenizer_fault::none) {
        tests::demand(!got.said.empty(), "a fault says what it is");
        return 0;
    }
    tests::demand(status == 200 && got.json.is_object(), "a good answer is an object with status 200");
    if (wanted == tokenizer_field::ids || wanted == tokenizer_field::diff) {
        if (within_vocabulary(got.ids, rows)) {
            for (const std::int64_t id : got.ids) {
                tests::demand(id >= 0 && (rows == 0 || id < rows), "an id is of the vocabulary");
            }
        }
    } else if (wanted == tokenizer_field::text) {
        tests::demand(got.json["text"].is_string(), "a text is one");
        (void)got.json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    } else if (wanted == tokenizer_field::uid) {
        tests::demand(!got.json["uid"].get<std::string>().empty(), "an identity has a name");
    }
    return 0;
}
