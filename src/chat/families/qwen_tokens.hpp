#pragma once
// Control tokens of the Qwen vocabularies. The tags of thinking and tools are in the vocabulary too, but they
// give nobody another's role, and people do write about them: they stay as they are
// (docs/design.md#the-promise-of-statelessness).

#include <string_view>
#include <vector>

namespace corral::chat {

inline std::vector<std::string_view> qwen_control_tokens() {
    return {"<|im_start|>",       "<|im_end|>",       "<|endoftext|>",  "<|object_ref_start|>",
            "<|object_ref_end|>", "<|box_start|>",    "<|box_end|>",    "<|quad_start|>",
            "<|quad_end|>",       "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
            "<|image_pad|>",      "<|video_pad|>",    "<|fim_prefix|>", "<|fim_middle|>",
            "<|fim_suffix|>",     "<|fim_pad|>",      "<|repo_name|>",  "<|file_sep|>"};
}

}  // namespace corral::chat
