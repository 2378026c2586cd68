package emulator

// service is one AWS API.
type service struct {
	name       string // in ARNs, IAM and signatures
	target     string // what X-Amz-Target begins with; empty: the query protocol
	errorText  string // the member of an error that holds its text
	operations []*operation
}

// operation is one operation of an API.
type operation struct {
	name    string
	input   []member
	mutates bool
	run     func(*registry, *call) (object, *apiError)
}

// services lists the APIs that are emulated.
var services = []*service{ecrService, secretsService, stsService}
