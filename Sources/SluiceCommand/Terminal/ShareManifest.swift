internal import SluiceCore
internal import SluiceFormats
internal import SluiceRun

/// The shares of a run as jobs of Kubernetes: an indexed job for each phase, a plain one after it.
///
/// A job cannot wait for another there, so all but the first are suspended until somebody, or a workflow, lets them
/// go on.
struct ShareManifest {
  let jobs: ShareJobs

  private struct Step {
    let name: String
    /// The phase whose shares it does; nil for what comes after one.
    let phase: SharePhase?
    let command: [String]
  }

  private var steps: [Step] {
    // The cluster fills the number of the share in.
    let share = "$(JOB_COMPLETION_INDEX)"
    return jobs.phases.flatMap { phase in
      [
        Step(
          name: "sluice-\(phase.rawValue)", phase: phase,
          command: jobs.work(phase, share: share)),
        phase == jobs.phases.last
          ? Step(name: "sluice-finish", phase: nil, command: ["sluice", "finish", jobs.output])
          : Step(
            name: "sluice-reduce-\(phase.rawValue)", phase: nil,
            command: ["sluice", "reduce", jobs.output, "--phase", phase.rawValue]),
      ]
    }
  }

  var text: String {
    var text = """
      # Put the image that has sluice in the place of IMAGE, and in the place of CLAIM the claim of the
      # volume that holds the output and the models. Then:
      #   kubectl apply -f THIS-FILE

      """
    for (step, next) in zip(steps, steps.dropFirst()) {
      text += "#   kubectl wait --for=condition=complete --timeout=-1s job/\(step.name)\n"
      text += "#   kubectl patch job \(next.name) -p '{\"spec\":{\"suspend\":false}}'\n"
    }
    for (position, step) in steps.enumerated() {
      text += "---\n" + manifest(step, isSuspended: position > 0)
    }
    return text
  }

  private func manifest(_ step: Step, isSuspended: Bool) -> String {
    // JSON is YAML, and knows how to write any path.
    let bytes = JSONWriter.bytes(indentation: 2) { json in
      json.beginObject()
      json.member("apiVersion", .string("batch/v1"))
      json.member("kind", .string("Job"))
      json.object("metadata") { $0.member("name", .string(step.name)) }
      json.object("spec") { json in
        json.member("suspend", .bool(isSuspended))
        if step.phase != nil {
          json.member("completionMode", .string("Indexed"))
          json.member("completions", .integer(jobs.shareCount))
          json.member("parallelism", .integer(min(jobs.workers, jobs.shareCount)))
          json.member("backoffLimitPerIndex", .integer(3))
          json.member("maxFailedIndexes", .integer(0))
        } else {
          json.member("backoffLimit", .integer(3))
        }
        // Two pods at one share would do no harm, and double work.
        json.member("podReplacementPolicy", .string("Failed"))
        policy(&json)
        json.object("template") { json in
          json.object("spec") { json in pod(&json, step) }
        }
      }
      json.endObject()
    }
    return String(decoding: bytes, as: UTF8.self) + "\n"
  }

  /// A pod that is moved does not count; one that ends with what no further attempt can mend ends the job.
  private func policy(_ json: inout JSONWriter) {
    json.object("podFailurePolicy") { json in
      json.array("rules") { json in
        json.beginObject()
        json.member("action", .string("Ignore"))
        json.array("onPodConditions") { json in
          json.beginObject()
          json.member("type", .string("DisruptionTarget"))
          json.member("status", .string("True"))
          json.endObject()
        }
        json.endObject()
        json.beginObject()
        json.member("action", .string("FailJob"))
        json.object("onExitCodes") { json in
          json.member("operator", .string("In"))
          json.array("values") { json in
            for code in [ExitCode.usage, .badInput, .internal] {
              json.value(.integer(Int(code.rawValue)))
            }
          }
        }
        json.endObject()
      }
    }
  }

  private func pod(_ json: inout JSONWriter, _ step: Step) {
    let memory = jobs.memory.bytes + 256 << 20
    json.member("restartPolicy", .string("Never"))
    json.array("containers") { json in
      json.beginObject()
      json.member("name", .string("sluice"))
      json.member("image", .string("IMAGE"))
      json.array("command") { json in for word in step.command { json.value(.string(word)) } }
      json.object("resources") { json in
        for kind in ["requests", "limits"] as [StaticString] {
          json.object(kind) { json in
            json.member("cpu", .string("\(step.phase == nil ? 1 : jobs.threads)"))
            json.member("memory", .string("\(memory)"))
          }
        }
      }
      json.array("volumeMounts") { json in
        json.beginObject()
        json.member("name", .string("models"))
        json.member("mountPath", .string(Directory.parent(of: jobs.output)))
        json.endObject()
      }
      json.endObject()
    }
    json.array("volumes") { json in
      json.beginObject()
      json.member("name", .string("models"))
      json.object("persistentVolumeClaim") { $0.member("claimName", .string("CLAIM")) }
      json.endObject()
    }
  }
}

extension JSONWriter {
  fileprivate mutating func object(_ key: StaticString, _ body: (inout JSONWriter) -> Void) {
    self.key(key)
    beginObject()
    body(&self)
    endObject()
  }
}
