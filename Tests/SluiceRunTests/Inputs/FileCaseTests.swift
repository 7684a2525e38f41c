import Foundation
import SluiceArchitecture
import SluiceCore
import SluiceFormats
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

@Suite("Inputs: files that count, and files beside them")
struct FileCaseTests {
  private static let index = "model.safetensors.index.json"

  private func link(_ input: InputCase, _ name: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(
      atPath: input.directory(name), withDestinationPath: target)
  }

  @Test("a single file counts before an index and shards of an earlier save, and that is said")
  func staleIndexAndShards() throws {
    let input = try InputCase()
    try input.writeFamily()
    try input.directory.write(
      TinyModel.safetensors(InputCase.llama(9)), to: "a/model-00001-of-00001.safetensors")
    let map = InputCase.llama(9).map { #""\#($0.name)": "model-00001-of-00001.safetensors""# }
    try input.directory.write(
      #"{"weight_map": {\#(map.joined(separator: ", "))}}"#, to: "a/\(Self.index)")
    let found = try input.run()
    let plain = try InputCase()
    try plain.writeFamily()
    #expect(found.model.tensors == (try plain.run().model.tensors))
    let said = found.report.warnings.filter { $0.subject.model == "a" && $0.kind == .oddInput }
    #expect(said.count == 1)
    #expect(said.first?.message.contains(Self.index) == true)
  }

  @Test("an index whose shards are gone is left over where a single file is whole")
  func staleIndexAlone() throws {
    let input = try InputCase()
    try input.writeFamily()
    try input.directory.write(
      #"{"weight_map": {"x": "model-00001-of-00002.safetensors"}}"#, to: "a/\(Self.index)")
    #expect(try input.run().messages(.oddInput).first?.contains(Self.index) == true)
  }

  @Test("an index that names the single file is no leftover")
  func indexOfOneFile() throws {
    let input = try InputCase()
    try input.writeFamily()
    let map = InputCase.llama(0).map { #""\#($0.name)": "model.safetensors""# }
    try input.directory.write(
      #"{"weight_map": {\#(map.joined(separator: ", "))}}"#, to: "a/\(Self.index)")
    #expect(try input.run().messages(.oddInput).isEmpty)
  }

  @Test(
    "a file that is something else says what it is",
    arguments: [
      ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "Git LFS", "pull"),
      ("<!DOCTYPE html><html>", "HTML", "/resolve/"),
      ("GGUF\u{3}\0\0\0\0\0\0\0\0\0\0\0", "GGUF", "made from"),
      ("PK\u{3}\u{4}\u{14}\0\0\0\0\0", "torch.save", "pytorch_model.bin"),
      ("{\"a\": 1, \"b\": 2}", "JSON", "directory"), ("", "0 bytes", "again"),
    ])
  func signatures(text: String, name: String, remedy: String) throws {
    let input = try InputCase()
    try input.writeFamily()
    try input.directory.write(text, to: "a/model.safetensors")
    let refusal = try input.refusal()
    #expect(refusal.exitCode == .badInput && refusal.subject.model == "a")
    #expect(refusal.message.contains(name), "\(refusal.message)")
    #expect(refusal.remedy?.contains(remedy) == true)
  }

  @Test("a GGUF file given by its path is called that")
  func ggufPath() throws {
    let input = try InputCase()
    try input.writeFamily()
    let path = try input.directory.write("GGUF\u{3}\0\0\0\0\0\0\0\0", to: "a.gguf")
    let refusal = try input.refusal {
      InputCase.average(&$0)
      $0.models[0].path = path
    }
    #expect(refusal.message.contains("GGUF"))
  }

  @Test("folders that modules.json names are copied with their weights, others are reported")
  func modules() throws {
    let input = try InputCase()
    try input.writeFamily()
    try input.directory.write(
      #"[{"idx": 0, "path": ""}, {"idx": 1, "path": "1_Pooling"}, {"path": "2_Dense"}, {"path": "../x"}]"#,
      to: "base/modules.json")
    try input.directory.write("{}", to: "base/1_Pooling/config.json")
    try input.directory.write([1, 2, 3], to: "base/2_Dense/model.safetensors")
    try input.directory.write("x", to: "base/additional_chat_templates/tool.jinja")
    try input.directory.write("x", to: "base/runs/log.txt")
    try input.directory.write("secret", to: "x/file.txt")
    let found = try input.run()
    #expect(try found.text("1_Pooling/config.json") == "{}")
    #expect(try found.has("2_Dense/model.safetensors"))
    #expect(try found.has("additional_chat_templates/tool.jinja"))
    #expect(try !found.has("runs/log.txt"))
    #expect(try !found.has("x/file.txt"))
    #expect(found.report.copiedFiles.contains("1_Pooling/config.json"))
    #expect(try found.text("sluice-report.json").contains(#""name": "runs/""#))
  }

  @Test("a folder that modules.json names and that is missing is said")
  func missingModule() throws {
    let input = try InputCase()
    try input.writeFamily()
    // What only computes has no files.
    try input.directory.write(
      #"[{"path": "1_Pooling"}, {"path": "2_Normalize", "type": "models.Normalize"}]"#,
      to: "base/modules.json")
    let messages = try input.run().messages(.leftOut)
    #expect(messages.count == 1 && messages.first?.contains("1_Pooling") == true)
  }

  @Test("links to files of the names that loaders know are followed; others are not")
  func links() throws {
    let input = try InputCase()
    try input.writeFamily()
    try input.directory.write("{}", to: "store/tokenizer_config.json")
    try input.directory.write("private", to: "store/id_rsa")
    try link(input, "base/tokenizer_config.json", to: "../store/tokenizer_config.json")
    try link(input, "base/id_rsa", to: "../store/id_rsa")
    try link(input, "base/vocab.txt", to: "../store/id_rsa")
    let found = try input.run()
    #expect(try found.text("tokenizer_config.json") == "{}")
    #expect(try !found.has("id_rsa") && !found.has("vocab.txt"))
    #expect(found.messages(.oddInput).count == 2)
  }

  @Test("an adapter's config is not copied from beside a whole model, and that is said")
  func adapter() throws {
    let input = try InputCase()
    try input.writeFamily()
    try input.directory.write(#"{"peft_type": "LORA"}"#, to: "base/adapter_config.json")
    let found = try input.run()
    #expect(try !found.has("adapter_config.json"))
    #expect(found.messages(.leftOut).first?.contains("adapter") == true)
  }

  @Test(
    "files of a training are left out and reported",
    arguments: ["trainer_state.json", "train.log", "events.out.tfevents.1", "README.md"])
  func training(name: String) throws {
    let input = try InputCase()
    try input.writeFamily()
    try input.directory.write("x", to: "base/\(name)")
    let found = try input.run()
    #expect(try !found.has(name))
    #expect(try found.text("sluice-report.json").contains(#""name": "\#(name)""#))
  }
}
