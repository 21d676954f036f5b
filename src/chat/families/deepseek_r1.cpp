#include "chat/families/all.hpp"

namespace corral::chat {

// The Qwen-based distills (docs/facts/ollama_wire.md#prompts). The bars are U+FF5C, the low lines U+2581.
//
// What the tokenizer service wraps: its reset keeps `<｜begin▁of▁sentence｜>S` less the last three tokens of
// that with the generation prompt, and the next encode takes the tokens of the whole template text from that
// length on (docs/facts/vendor_ax.md#tokenizer-semantics). Wherever that cut falls, the sum is the template's
// text: begin of sentence, system prompt, `<｜User｜>`, our text,
// `<｜Assistant｜>`. A newer template adds `<think>\n`, an older one leaves the tag to the model; nothing
// tells which a package has, hence may_start_in_thinking. No turn has a close but the assistant's, and only
// the first system prompt has a place. Its vocabulary is Qwen's with the first tokens renamed; it has no useful
// tool format and no soft switch for thinking. A verbatim prompt opens the tag as the newer template does,
// and skips thinking with an empty block as Ollama does.
const family& deepseek_r1_family() {
    static const family instance{
        .name = "deepseek-r1",
        .bos = "<｜begin▁of▁sentence｜>",
        .turn_open = "",
        .turn_close = "",
        .system_header = "",
        .user_header = "<｜User｜>",
        .assistant_header = "<｜Assistant｜>",
        .assistant_end = "<｜end▁of▁sentence｜>",
        .default_system = "You are a helpful assistant.",
        .control_tokens = {"<｜begin▁of▁sentence｜>",
                           "<｜end▁of▁sentence｜>",
                           "<｜User｜>",
                           "<｜Assistant｜>",
                           "<｜▁pad▁｜>",
                           "<｜tool▁calls▁begin｜>",
                           "<｜tool▁calls▁end｜>",
                           "<｜tool▁call▁begin｜>",
                           "<｜tool▁call▁end｜>",
                           "<｜tool▁outputs▁begin｜>",
                           "<｜tool▁outputs▁end｜>",
                           "<｜tool▁output▁begin｜>",
                           "<｜tool▁output▁end｜>",
                           "<｜tool▁sep｜>",
                           "<｜fim▁begin｜>",
                           "<｜fim▁hole｜>",
                           "<｜fim▁end｜>",
                           "<|EOT|>",
                           "<|im_start|>",
                           "<|im_end|>",
                           "<|endoftext|>",
                           "<|quad_start|>",
                           "<|quad_end|>",
                           "<|vision_start|>",
                           "<|vision_end|>",
                           "<|vision_pad|>",
                           "<|image_pad|>",
                           "<|video_pad|>",
                           "<|fim_prefix|>",
                           "<|fim_middle|>",
                           "<|fim_suffix|>",
                           "<|fim_pad|>",
                           "<|repo_name|>",
                           "<|file_sep|>"},
        .end_texts = {"<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<｜begin▁of▁sentence｜>"},
        .thinks = true,
        .may_start_in_thinking = true,
        .thinking_opened = "<think>\n",
        .thinking_skipped = "<think>\n\n</think>\n\n",
        .document_mark = "<｜begin▁of▁sentence｜>",
    };
    return instance;
}

}  // namespace corral::chat
