// The file of a model that a client made: whatever it holds is refused with a sentence, or read and written the
// same again; and its beginning never tells another story than the whole.

#include "api/models/variant_document.hpp"
#include "fuzz_input.hpp"

using namespace corral;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tests::fuzz_input from(data, size);
    const std::size_t cut = from.choice() * 16U;
    const std::string_view text = from.rest();
    const auto head = api::read_variant_head(text.substr(0, cut));
    if (head) {
        tests::demand(!head->name.empty() && !head->from.empty(), "a head has names");
    }
    const auto whole = api::read_variant_document(text);
    if (!whole) {
        tests::demand(!whole.error().message.empty(), "a failure says why");
        static_cast<void>(api::variant_content_text(text));
        return 0;
    }
    const std::string written = api::to_text(*whole, whole->content);
    const auto again = api::read_variant_document(written);
    tests::demand(again.has_value(), "what was written can be read");
    tests::demand(again->name == whole->name && again->from == whole->from, "it keeps its names");
    tests::demand(api::to_text(*again, again->content) == written, "writing again gives the same");
    const std::string content = api::variant_content_text(written);
    tests::demand(content.empty() || content == api::to_text(again->content), "the content is the content");
    return 0;
}
