package sarif

// The objects of a log, as far as they are used, each with its section of the
// standard. go-sarif is not used: it leaves out empty lists of suppressions,
// which the standard demands, and writes the default of each field that is not
// set.

// log: §3.13.
type log struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"`
	Runs    []run  `json:"runs"`
}

// run: §3.14.
type run struct {
	Tool              tool           `json:"tool"`
	AutomationDetails automation     `json:"automationDetails"`
	Invocations       []invocation   `json:"invocations"`
	Results           []result       `json:"results"`
	Properties        map[string]any `json:"properties"`
}

// tool: §3.18.
type tool struct {
	Driver component `json:"driver"`
}

// component: §3.19.
type component struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Rules   []rule `json:"rules"`
}

// automation: §3.17.
type automation struct {
	ID string `json:"id"`
}

// invocation: §3.20. Times are UTC.
type invocation struct {
	ExecutionSuccessful bool           `json:"executionSuccessful"`
	Start               string         `json:"startTimeUtc"`
	End                 string         `json:"endTimeUtc"`
	Notifications       []notification `json:"toolExecutionNotifications"`
}

// notification: §3.58.
type notification struct {
	Rule       *reference     `json:"associatedRule,omitempty"`
	Level      string         `json:"level"`
	Message    message        `json:"message"`
	Locations  []location     `json:"locations,omitempty"`
	Properties map[string]any `json:"properties,omitempty"`
}

// reference to a rule: §3.52.
type reference struct {
	ID    string `json:"id"`
	Index int    `json:"index"`
}

// rule, a reporting descriptor: §3.49.
type rule struct {
	ID               string         `json:"id"`
	ShortDescription message        `json:"shortDescription"`
	FullDescription  message        `json:"fullDescription"`
	Help             message        `json:"help"`
	HelpURI          string         `json:"helpUri,omitempty"`
	Configuration    configuration  `json:"defaultConfiguration"`
	Properties       map[string]any `json:"properties"`
}

// configuration: §3.50.
type configuration struct {
	Level string `json:"level"`
}

// message: §3.11, and a multi-format string: §3.12.
type message struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

// result: §3.27.
type result struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Kind         string            `json:"kind"`
	Level        string            `json:"level"`
	Message      message           `json:"message"`
	Locations    []location        `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Suppressions []suppression     `json:"suppressions"`
	Properties   map[string]any    `json:"properties"`
}

// suppression: §3.35.
type suppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification"`
}

// location: §3.28.
type location struct {
	Physical *physical         `json:"physicalLocation,omitempty"`
	Logical  []logicalLocation `json:"logicalLocations"`
}

// physical location: §3.29.
type physical struct {
	Artifact artifact `json:"artifactLocation"`
	Region   *region  `json:"region,omitempty"`
}

// artifact location: §3.4.
type artifact struct {
	URI string `json:"uri"`
}

// region: §3.30.
type region struct {
	StartLine int `json:"startLine"`
}

// logicalLocation: §3.33.
type logicalLocation struct {
	Name     string `json:"name"`
	FullName string `json:"fullyQualifiedName"`
	Kind     string `json:"kind"`
}
