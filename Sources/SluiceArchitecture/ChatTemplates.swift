/// Chat templates that are known by names: `chat_template` of a recipe in mergekit's grammar.
package enum ChatTemplates {
  /// The name that stands for the template that most models of a merge have.
  package static let automatic = "auto"

  /// The names.
  package static let names = ["alpaca", "chatml", "exaone", "llama3", "mistral"]

  /// Whether a text is a name.
  package static func isName(_ text: String) -> Bool {
    text == automatic || names.contains(text)
  }

  /// The template of a name; nil for a text that is none.
  package static func text(_ name: String) -> String? {
    switch name {
    case "alpaca": alpaca
    case "chatml": chatml
    case "exaone": exaone
    case "llama3": llama3
    case "mistral": mistral
    default: nil
    }
  }

  private static let alpaca = """
    {%- for message in messages -%}
    {%- set text = message['content'] | trim -%}
    {%- if message['role'] == 'system' -%}
    {{- text -}}
    {%- elif message['role'] == 'user' -%}
    {{- '\\n\\n### Instruction:\\n' + text -}}
    {%- else -%}
    {{- '\\n\\n### Response:\\n' + text -}}
    {%- endif -%}
    {%- endfor -%}
    {%- if add_generation_prompt and messages[-1]['role'] != 'assistant' -%}
    {{- '\\n\\n### Response:\\n' -}}
    {%- endif -%}
    """

  private static let chatml = """
    {%- for message in messages -%}
    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}
    {%- endfor -%}
    {%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
    """

  private static let exaone = """
    {%- if messages[0]['role'] != 'system' -%}{{- '[|system|][|endofturn|]\\n' -}}{%- endif -%}
    {%- for message in messages -%}
    {{- '[|' + message['role'] + '|]' + message['content'] -}}
    {%- if message['role'] != 'user' -%}{{- '[|endofturn|]' -}}{%- endif -%}
    {{- '\\n' -}}
    {%- endfor -%}
    {%- if add_generation_prompt -%}{{- '[|assistant|]' -}}{%- endif -%}
    """

  private static let llama3 = """
    {{- bos_token -}}
    {%- for message in messages -%}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' -}}
    {{- message['content'] | trim + '<|eot_id|>\\n' -}}
    {%- endfor -%}
    {%- if add_generation_prompt -%}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
    {%- endif -%}
    """

  private static let mistral = """
    {{- bos_token -}}
    {%- set system = namespace(text='') -%}
    {%- for message in messages -%}
    {%- if message['role'] == 'system' -%}
    {%- set system.text = message['content'] + '\\n\\n' -%}
    {%- elif message['role'] == 'user' -%}
    {{- ' [INST] ' + system.text + message['content'] + ' [/INST]' -}}
    {%- set system.text = '' -%}
    {%- else -%}
    {{- ' ' + message['content'] + eos_token -}}
    {%- endif -%}
    {%- endfor -%}
    """
}
